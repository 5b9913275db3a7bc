import type { StreamPosition, StreamStart } from '../commands.js';
import { Fifo } from '../fifo.js';
import type { NodeId } from '../ids.js';
import { type Item, itemBytes } from '../item.js';
import { limits } from '../limits.js';
import type { JobMessage } from '../messages.js';
import type { Outbox } from '../outbox.js';
import { AskerTable } from './asker-table.js';
import type { Debt } from './debts.js';
import type { Asker } from './record.js';

/** A request that is told items. */
interface Listener {
  readonly asker: Asker;
  /** Bytes of items that it was sent, and that it takes in all. */
  sentBytes: number;
  upTo: number;
  /** Number of the item sent last. */
  number: number;
  position: StreamPosition | null;
  /** Bytes of items that another node has said that it has, and what it has not. */
  takenBytes: number;
  readonly untaken: Fifo<NumberedItem>;
}

interface NumberedItem {
  readonly number: number;
  readonly item: Item;
}

export interface ItemsOutOptions {
  readonly outbox: Outbox;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
}

/**
 * The items of streaming requests on their way to whoever asked: a client of this node, or another node that asks for one of its own. Nobody
 * is sent more than it takes. What another node may not have got comes again on the next link.
 */
export class ItemsOut {
  private readonly listeners = new AskerTable<Listener>();

  constructor(private readonly options: ItemsOutOptions) {}

  open(asker: Asker, { room, after }: StreamStart): void {
    this.listeners.set(asker, {
      asker,
      sentBytes: 0,
      upTo: boundedRoom(asker, 0, room),
      number: 0,
      position: after,
      takenBytes: 0,
      untaken: new Fifo(),
    });
  }

  close(asker: Asker): void {
    this.listeners.delete(asker);
  }

  /** Bytes that it takes now; an item that goes over it is sent still. */
  room(asker: Asker): number {
    const listener = this.listeners.get(asker);
    return listener === undefined ? 0 : Math.max(0, listener.upTo - listener.sentBytes);
  }

  /** How another node is to go on with it. */
  startOf(asker: Asker): StreamStart | null {
    const listener = this.listeners.get(asker);
    return listener === undefined ? null : { room: this.room(asker), after: listener.position };
  }

  /** How many items it was sent. */
  countOf(asker: Asker): number {
    return this.listeners.get(asker)?.number ?? 0;
  }

  send(asker: Asker, item: Item): void {
    const listener = this.listeners.get(asker);
    if (listener === undefined) return;
    listener.sentBytes += itemBytes(item);
    const number = ++listener.number;
    listener.position = positionAfter(listener.position, item);
    if (asker.type === 'client') this.options.outbox.push({ type: 'item', request: asker.request, item });
    else if (asker.type === 'peer') {
      listener.untaken.push({ number, item });
      this.options.deliver(asker.node, { type: 'item', seq: asker.seq, number, item });
    }
  }

  /** It takes items up to so many bytes in all. False when that is no news. */
  give(asker: Asker, upTo: number): boolean {
    const listener = this.listeners.get(asker);
    if (listener === undefined) return false;
    const bounded = boundedRoom(asker, listener.takenBytes, upTo);
    if (bounded <= listener.upTo) return false;
    listener.upTo = bounded;
    return true;
  }

  /** Another node has all items up to this one. */
  taken(asker: Asker, number: number): void {
    const listener = this.listeners.get(asker);
    if (listener === undefined) return;
    const { untaken } = listener;
    for (let first = untaken.peek(); first !== undefined && first.number <= number; first = untaken.peek()) {
      untaken.shift();
      listener.takenBytes += itemBytes(first.item);
    }
  }

  /** A new link to that node: what it may not have got goes out again. */
  sendAgain(node: NodeId, seqs: readonly number[]): void {
    for (const seq of seqs) {
      const listener = this.listeners.get({ type: 'peer', node, seq });
      for (const { number, item } of listener?.untaken ?? [])
        this.options.deliver(node, { type: 'item', seq, number, item });
    }
  }

  /** What is kept for them now, for checkers. */
  debts(): Debt[] {
    return [{ kind: 'requests that stream', count: this.listeners.size, node: null }];
  }
}

/** What another node doesn't say that it has is kept here: it must not take without end. */
function boundedRoom(asker: Asker, takenBytes: number, upTo: number): number {
  return asker.type === 'peer' ? Math.min(upTo, takenBytes + limits.itemWindowBytes) : upTo;
}

function positionAfter(position: StreamPosition | null, item: Item): StreamPosition | null {
  switch (item.type) {
    case 'state': {
      const { epoch, attempt } = item;
      return position?.epoch === epoch && position.attempt === attempt
        ? position
        : { epoch, attempt, chunk: 0 };
    }
    case 'missed':
    case 'data':
      return position && { ...position, chunk: item.chunk };
    default:
      return position;
  }
}
