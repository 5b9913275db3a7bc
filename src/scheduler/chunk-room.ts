import { chunkBytes } from '../core/item.js';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';

/** How much of what an attempt yields is taken: past it, the attempt waits at its `yield`. */
export class ChunkRoom {
  private toldBytes = 0;
  private upTo: number = limits.streamWindowBytesMin;
  private goOn: (() => void) | null = null;

  add(chunk: Payload): void {
    this.toldBytes += chunkBytes(chunk);
  }

  /** Resolves when there is room for another chunk, or the attempt is to stop. One wait at a time. */
  wait(): Promise<void> {
    if (!this.isUsedUp) return Promise.resolve();
    return new Promise((resolve) => {
      this.goOn = resolve;
    });
  }

  /** Whether it has told as much as it may. */
  get isUsedUp(): boolean {
    return this.toldBytes >= this.upTo;
  }

  give(upTo: number): void {
    this.upTo = Math.max(this.upTo, upTo);
    if (!this.isUsedUp) this.wake();
  }

  /** The attempt is to stop: it waits no longer. */
  wake(): void {
    this.goOn?.();
    this.goOn = null;
  }
}
