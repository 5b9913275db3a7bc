import { Fifo } from '../core/fifo.js';
import { limits } from '../core/limits.js';

/** What one streaming request may be sent. */
interface Room {
  readonly seq: number;
  /** Bytes of items that may wait for the client. */
  window: number;
  /** Bytes of items that were written to its socket. */
  written: number;
}

/** So much of this request's items may have been sent in all. */
export interface Wanted {
  readonly seq: number;
  readonly upTo: number;
}

/**
 * How much of the items of each request a connection takes: as much more as its client has read, so that a client that reads slowly slows
 * down what it listens to, and takes no memory. A request whose turn has not come is sent nothing.
 */
export class ItemRooms {
  private readonly rooms = new Map<number, Room>();
  /** Items in the output, each with where it ends. */
  private readonly said = new Fifo<{ readonly end: number; readonly room: Room; readonly bytes: number }>();
  private readonly changed = new Set<Room>();

  /** A new streaming request; the room that it begins with. */
  open(seq: number, isInTurn: boolean): number {
    const room: Room = { seq, window: isInTurn ? this.windowOfNew() : 0, written: 0 };
    this.rooms.set(seq, room);
    return room.window;
  }

  turnCame(seq: number): void {
    const room = this.rooms.get(seq);
    if (room === undefined || room.window > 0) return;
    room.window = this.windowOfNew();
    this.changed.add(room);
  }

  close(seq: number): void {
    const room = this.rooms.get(seq);
    if (room === undefined) return;
    this.rooms.delete(seq);
    this.changed.delete(room);
  }

  /** An item of so many bytes was put into the output, which is `end` bytes long by now. */
  add(seq: number, bytes: number, end: number): void {
    const room = this.rooms.get(seq);
    if (room !== undefined) this.said.push({ end, room, bytes });
  }

  /** All of the output up to there is on the socket. */
  written(position: number): void {
    for (let item = this.said.peek(); item !== undefined && item.end <= position; item = this.said.peek()) {
      this.said.shift();
      item.room.written += item.bytes;
      if (this.rooms.get(item.room.seq) === item.room) this.changed.add(item.room);
    }
  }

  /** Whether an item is not on the socket yet. */
  get hasWaiting(): boolean {
    return this.said.length > 0;
  }

  /** Of which requests more items may be sent than was told before. */
  takeWanted(): readonly Wanted[] {
    if (this.changed.size === 0) return nothing;
    const wanted = [...this.changed].map(({ seq, window, written }) => ({ seq, upTo: written + window }));
    this.changed.clear();
    return wanted;
  }

  private windowOfNew(): number {
    return this.rooms.size <= limits.widestStreamsMax ? limits.itemWindowBytes : limits.narrowItemWindowBytes;
  }
}

const nothing: readonly Wanted[] = [];
