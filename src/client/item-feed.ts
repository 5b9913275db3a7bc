import { Fifo } from '../core/fifo.js';
import type { Connection, Exchange } from './connection.js';
import type { ClientItem } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';
import { onAbort } from './until-aborted.js';

/** With more that nobody has taken the socket is not read, until less than the second is left. */
const untakenBytesHigh = 256 * 1024;
const untakenBytesLow = 64 * 1024;
/** What an item takes beside what is in it. */
const itemBytes = 128;

/** The items of one request, on a connection of its own, which ends with it. What is not taken holds the node back. */
export class ItemFeed {
  private readonly untaken = new Fifo<ClientItem>();
  private untakenBytes = 0;
  private isPaused = false;
  /** How it ended; said once all items are taken. */
  private exchange: Exchange | null = null;
  private wake: (() => void) | null = null;

  constructor(
    private readonly connection: Connection,
    request: ClientRequest,
  ) {
    const { signal, ...asked } = request;
    const off = signal === undefined ? () => {} : onAbort(signal, () => this.wake?.());
    void connection
      .exchange(asked, (item) => this.add(item))
      .then((exchange) => {
        off();
        this.exchange = exchange;
        this.wake?.();
      });
  }

  get node(): string {
    return this.connection.address;
  }

  /** The next item, or how the request ended. One call at a time. Rejects with the signal's reason. */
  async next(signal: AbortSignal | undefined): Promise<ClientItem | Exchange> {
    for (;;) {
      signal?.throwIfAborted();
      const item = this.untaken.shift();
      if (item !== undefined) {
        this.untakenBytes -= bytesOf(item);
        if (this.isPaused && this.untakenBytes < untakenBytesLow) this.resume();
        return item;
      }
      if (this.exchange !== null) return this.exchange;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }

  close(): void {
    if (this.exchange === null) this.connection.reset();
    else this.connection.close();
  }

  private add(item: ClientItem): void {
    this.untaken.push(item);
    this.untakenBytes += bytesOf(item);
    if (!this.isPaused && this.untakenBytes > untakenBytesHigh) {
      this.isPaused = true;
      this.connection.pause();
    }
    this.wake?.();
  }

  private resume(): void {
    this.isPaused = false;
    this.connection.resume();
  }
}

/** Text counts two bytes a character, as a string may take. */
function bytesOf({ text, bytes }: ClientItem): number {
  return itemBytes + 2 * text.length + (bytes?.length ?? 0);
}
