import { Fifo } from '../core/fifo.js';
import {
  createSendQueue,
  type Segment,
  type SendQueue,
  type WireFormat,
  type WireFrame,
} from './sim-format.js';
import type { SimPath } from './sim-path.js';

export interface SimStreamOptions {
  readonly format: WireFormat;
  /** Bytes that may be under way, sent and not yet taken in at the other end: the kernels' buffers. */
  readonly windowBytes: number;
  readonly path: SimPath;
  /** The way back, for acknowledgements. */
  readonly backPath: SimPath;
  readonly nowMs: () => number;
  readonly after: (delayMs: number, action: () => void) => void;
  /** How long a segment takes from now on, sending it again included. */
  readonly travelMs: (path: SimPath) => number;
  /** Cuts a segment into what arrives at once. */
  readonly cutUp: (segment: Segment) => Segment[];
  readonly sent: (segment: Segment) => void;
  /** A part of a segment is there; `taken` must be called when its reader, or the kernel for it, has it. */
  readonly arrived: (part: Segment | 'end', taken: () => void) => void;
}

interface Flight {
  readonly bytes: number;
  isAcked: boolean;
}

/** Nothing overtakes: what comes later comes at least this much later. */
const arrivalGapMs = 0.000_1;

/** One direction of a connection: bytes, or what stands for them, in order, as fast as path and reader let them. */
export class SimStream {
  private readonly queue: SendQueue;
  private readonly flights = new Fifo<Flight>();
  private flyingBytes = 0;
  private lastArrivalMs = 0;
  private isFinishing = false;
  private hasFinished = false;
  /** Nothing more goes in. */
  private isClosed = false;
  /** Nothing more comes out. */
  private isLost = false;

  constructor(private readonly options: SimStreamOptions) {
    this.queue = createSendQueue(options.format);
  }

  /** What waits for the window. */
  get queuedBytes(): number {
    return this.queue.bytes;
  }

  get hasSentAll(): boolean {
    return this.queue.bytes === 0 && this.flights.length === 0;
  }

  add(frame: WireFrame): void {
    if (!this.isFinishing && !this.isClosed) this.queue.add(frame);
  }

  /** Sends what the window allows; the end, when that was asked for, behind all of it. */
  pump(): void {
    if (this.isClosed) return;
    const { windowBytes } = this.options;
    while (this.flyingBytes < windowBytes) {
      const segment = this.queue.take(windowBytes - this.flyingBytes);
      if (segment === null) break;
      this.transmit(segment);
    }
    if (!this.isFinishing || this.hasFinished || this.queue.bytes > 0) return;
    this.hasFinished = true;
    this.travel(0, () => this.options.arrived('end', () => {}));
  }

  /** Ends it behind all that waits. */
  finish(): void {
    this.isFinishing = true;
    this.pump();
  }

  /** Forgets what waits in the process; what the kernel has goes on. */
  clear(): void {
    this.queue.clear();
  }

  /** No more goes in, and with `loseTail` no more comes out. */
  close({ loseTail }: { loseTail: boolean }): void {
    this.queue.clear();
    this.isClosed = true;
    this.isLost ||= loseTail;
  }

  /** How long until all that is under way is there, as far as that is known. */
  remainingMs(): number {
    return Math.max(0, this.lastArrivalMs - this.options.nowMs());
  }

  private transmit(segment: Segment): void {
    const flight: Flight = { bytes: segment.bytes, isAcked: false };
    this.flights.push(flight);
    this.flyingBytes += segment.bytes;
    this.options.sent(segment);
    const parts = this.options.cutUp(segment);
    parts.forEach((part, index) => {
      const taken =
        index === parts.length - 1
          ? () => this.options.backPath.pass(() => this.acknowledge(flight))
          : () => {};
      this.travel(part.bytes, () => this.options.arrived(part, taken));
    });
  }

  private travel(bytes: number, arrive: () => void): void {
    const { path, nowMs, after, travelMs } = this.options;
    const go = (): void => {
      if (this.isLost) return;
      this.lastArrivalMs = Math.max(this.lastArrivalMs + arrivalGapMs, nowMs() + travelMs(path));
      after(this.lastArrivalMs - nowMs(), () => {
        if (!this.isLost) arrive();
      });
    };
    path.pass(() => path.takeTurn(bytes, go));
  }

  /** The window opens for what waits. Where its path is whole an acknowledgement takes no time: it's short beside what waits for it. */
  private acknowledge(flight: Flight): void {
    flight.isAcked = true;
    for (let first = this.flights.peek(); first?.isAcked; first = this.flights.peek()) {
      this.flights.shift();
      this.flyingBytes -= first.bytes;
    }
    if (this.queue.bytes > 0 || this.isFinishing) this.options.after(0, () => this.pump());
  }
}
