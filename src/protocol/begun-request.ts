import type { ByteBudget } from './byte-budget.js';

/** A body that is longer moves on only when so much of it has come: else a byte now and then would hold its room for ever. */
const bodyStepBytes = 64 * 1024;

/** The line or body that a client has begun and not ended: the room that is kept for it, and whether it moves on. */
export class BegunRequest {
  /** What it has of the budget: all of a body that was announced, or as much of a line as has come. */
  private heldBytes = 0;
  private bodyBytes = 0;
  private movedOnBytes = 0;
  private moves = 0;

  constructor(private readonly budget: ByteBudget) {}

  get isThere(): boolean {
    return this.heldBytes > 0;
  }

  /** Rises whenever what the client sends moves on. */
  get moveCount(): number {
    return this.moves;
  }

  /** A line, a body, or what stands between them has ended. */
  end(): void {
    this.moves++;
    this.movedOnBytes = 0;
    this.bodyBytes = 0;
    if (this.heldBytes > 0) this.hold(0);
  }

  /** A body follows. False: there is no room for it. */
  announce(bodyBytes: number): boolean {
    if (!this.hold(bodyBytes)) return false;
    this.bodyBytes = bodyBytes;
    return true;
  }

  /** So much of the line or body has come by now. False: there is no room for the line. */
  note(begunBytes: number): boolean {
    const stepBytes = this.bodyBytes > bodyStepBytes ? bodyStepBytes : 1;
    if (begunBytes >= this.movedOnBytes + stepBytes) {
      this.moves++;
      this.movedOnBytes = begunBytes;
    }
    return this.bodyBytes > 0 || this.hold(begunBytes);
  }

  private hold(bytes: number): boolean {
    if (!this.budget.exchange(this.heldBytes, bytes)) return false;
    this.heldBytes = bytes;
    return true;
  }
}
