import { streamOf } from '../commands.js';
import type { PeerCommand } from '../messages.js';
import type { Debt } from './debts.js';
import { ItemsOut, type ItemsOutOptions } from './items-out.js';
import { JobStreams, type JobStreamsOptions } from './job-streams.js';
import type { Asker } from './record.js';

export interface StreamingOptions extends ItemsOutOptions, Omit<JobStreamsOptions, 'items'> {
  /** Whoever asked takes more: another node may tell it. */
  readonly wantedElsewhere: (asker: Asker) => void;
}

/** Requests that are told what happens before they are answered, from their beginning to their end. */
export class Streaming {
  readonly items: ItemsOut;
  readonly streams: JobStreams;

  constructor(private readonly options: StreamingOptions) {
    this.items = new ItemsOut(options);
    this.streams = new JobStreams({ ...options, items: this.items });
  }

  /** A request has come; most stream nothing. */
  begin(command: PeerCommand, asker: Asker): void {
    const stream = streamOf(command);
    if (stream !== null) this.items.open(asker, stream);
  }

  abandon(asker: Asker): void {
    this.streams.remove(asker);
    this.items.close(asker);
  }

  /** Whoever asked takes items up to so many bytes in all. */
  wanted(asker: Asker, upTo: number): void {
    if (!this.items.give(asker, upTo)) return;
    this.streams.wanted(asker);
    this.options.wantedElsewhere(asker);
  }

  /** What is kept for them now, for checkers. */
  debts(): Debt[] {
    return [...this.items.debts(), ...this.streams.debts()];
  }
}
