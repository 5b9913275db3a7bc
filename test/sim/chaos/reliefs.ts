import type { SimTime } from '../../../src/sim/sim-time.js';

/** What goes on for a while, and how to end it. */
export class Reliefs {
  private readonly reliefs = new Set<() => void>();
  private isOver = false;

  constructor(private readonly time: SimTime) {}

  /** A part of a fault that goes on for a while. */
  later(delayMs: number, inflict: () => void): void {
    this.time.after(delayMs, () => {
      if (!this.isOver) inflict();
    });
  }

  /** Ends by itself after that time, or when all faults end. */
  lasting(lengthMs: number, relieve: () => void): void {
    const once = (): void => {
      if (this.reliefs.delete(once)) relieve();
    };
    this.reliefs.add(once);
    this.time.after(lengthMs, once);
  }

  /** Ends everything that still goes on. */
  relieveAll(): void {
    this.isOver = true;
    for (const relieve of [...this.reliefs]) relieve();
  }
}
