import { streamOf } from '../commands.js';
import { type Deadline, Deadlines } from '../deadlines.js';
import type { InstanceId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { Item } from '../item.js';
import { limits } from '../limits.js';
import type { JobMessage, PeerCommand } from '../messages.js';
import { payloadBytes } from '../payload.js';
import { errorReply, type Reply, replyBytes } from '../reply.js';
import { Acks } from './acks.js';
import { type Debt, debtsByNode } from './debts.js';
import { ItemsIn } from './items-in.js';
import type { Reach } from './reach.js';
import { SendWindow } from './send-window.js';
import { Unreached } from './unreached.js';

/** A request that another node answers. */
interface Ask {
  readonly seq: number;
  readonly to: NodeId;
  /** Kept until it is answered: the other node may forget it, if it takes this one for dead for a moment. */
  readonly command: PeerCommand;
  readonly bytes: number;
  readonly answered: Answered;
  readonly late: Reply | null;
  /** Of one that streams. */
  readonly stream: { readonly items: ItemsIn; readonly told: (item: Item) => void } | null;
  deadline: Deadline<Ask> | null;
}

/** Asks of one other node. */
interface Peer {
  readonly pending: Map<number, Ask>;
  readonly window: SendWindow<Ask>;
  /** When it was last told what is pending, with which number, and what that was. */
  toldAtMs: number;
  round: number;
  told: readonly number[];
}

/** `isNodeGone`: the other node is, or was when it was asked. `now` is the moment of the answer: what follows from it happens then, and not when it was asked. */
export type Answered = (reply: Reply, now: Instant, isNodeGone?: boolean) => void;

export interface AskOptions {
  readonly to: NodeId;
  readonly command: PeerCommand;
  readonly now: Instant;
  /** Null: for as long as the other node lives and can be reached. */
  readonly timeoutMs: number | null;
  /** The answer when that time is over; by default, that the other node did not answer. */
  readonly late?: Reply;
  readonly answered: Answered;
  /** Of a request that streams: what it is told before the answer. */
  readonly told?: (item: Item) => void;
}

export interface AsksOptions {
  readonly instance: InstanceId;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  readonly nameOf: (node: NodeId) => string;
  /** Whether the node is a member that takes part. */
  readonly isPresent: (node: NodeId) => boolean;
  /** Whether there is a link to the node. */
  readonly hasContact: (node: NodeId) => boolean;
  readonly reach: Reach;
}

/** What one request costs to keep, its arguments aside; some more than measured. */
const requestBytes = 600;
/** A node that asks again and again what is pending is told so often. */
const askingGapMs = 100;

/**
 * Requests that this node passes on for its clients. On every new link each side tells the other what it still waits for
 * (`asking`), what never arrived goes out again, and answers come until they are acknowledged: so each is handled
 * once. An ask ends with its answer, with the other node's death, in time, or when there has long been no link.
 */
export class Asks {
  private readonly pending = new Map<number, Ask>();
  private readonly peers = new Map<NodeId, Peer>();
  private readonly expiries = new Deadlines<Ask>();
  private readonly acks: Acks;
  /** Nodes that are to be told soon what is pending. */
  private readonly askingDue = new Map<NodeId, number>();
  /** Of all nodes together: so a number is never used for two asks of one process. */
  private nextSeq = 1;
  private bytes = 0;
  private readonly unreached: Unreached;

  constructor(private readonly options: AsksOptions) {
    this.unreached = new Unreached(options.reach);
    this.acks = new Acks((to, seqs) => this.options.deliver(to, { type: 'answers_taken', seqs }));
  }

  /** Returns a number to abandon it by; 0 when it was answered at once. */
  ask({ to, command, now, timeoutMs, late, answered, told }: AskOptions): number {
    const bytes = askedBytes(command);
    // A claim decides whether a job exists already: were it refused here, the job would be taken twice.
    const isFull = this.pending.size >= limits.asksMax || this.bytes + bytes > limits.askedBytesMax;
    if (isFull && command.type !== 'claim') {
      const why = `${this.pending.size} requests of ${this.bytes} bytes wait for answers of other nodes`;
      answered(errorReply('BUSY', `retry-after=1s ${why}`), now);
      return 0;
    }
    const ask: Ask = {
      seq: this.nextSeq++,
      to,
      command,
      bytes,
      answered,
      late: late ?? null,
      stream: told === undefined ? null : { items: new ItemsIn(streamOf(command)?.room ?? 0), told },
      deadline: null,
    };
    if (!this.options.isPresent(to)) {
      this.fail(ask, `node ${this.options.nameOf(to)} is not there`, now, true);
      return 0;
    }
    this.bytes += bytes;
    const peer = this.peer(to);
    this.pending.set(ask.seq, ask);
    peer.pending.set(ask.seq, ask);
    if (timeoutMs !== null) ask.deadline = this.expiries.add(now.monotonicMs + timeoutMs, ask);
    peer.window.push(ask);
    if (!this.options.hasContact(to)) this.unreached.lost(to, now);
    this.send(to, peer);
    return ask.seq;
  }

  handleAnswer(
    from: NodeId,
    { seq, reply, items = 0 }: Extract<JobMessage, { type: 'answer' }>,
    now: Instant,
  ): void {
    const ask = this.pending.get(seq);
    if (ask?.to === from && ask.stream !== null && ask.stream.items.number < items) {
      // Not taken: what is missing comes again on the next link, and this with it.
      ask.stream.items.early = { reply, items };
      return;
    }
    // Also of one that was answered before, or given up: so that it doesn't come again.
    this.acks.add(from, seq, reply.ok ? replyBytes(reply) : 0, now);
    // An answer that nobody asked this node for is no answer.
    if (ask === undefined || ask.to !== from) return;
    this.end(ask);
    ask.answered(reply, now);
    this.sendTo(from);
  }

  handleItem(from: NodeId, message: Extract<JobMessage, { type: 'item' }>, now: Instant): void {
    const { seq, number, item } = message;
    const ask = this.pending.get(seq);
    if (ask === undefined || ask.to !== from || ask.stream === null) return;
    const { items, told } = ask.stream;
    if (!items.take(number, item)) return;
    told(item);
    if (items.early !== null && items.early.items <= number)
      this.handleAnswer(from, { type: 'answer', seq, ...items.early }, now);
  }

  /** Whoever asked takes so many bytes of items now. */
  giveRoom(seq: number, room: number): void {
    const ask = this.pending.get(seq);
    if (ask?.stream?.items.give(room)) this.tellRoom(ask);
  }

  private tellRoom({ seq, to, stream }: Ask): void {
    if (stream === null) return;
    const { number, upTo } = stream.items;
    this.options.deliver(to, { type: 'items_taken', seq, number, upTo });
  }

  /** The other node has them, and will answer. */
  handleTaken(from: NodeId, seqs: readonly number[]): void {
    const peer = this.peers.get(from);
    if (peer === undefined) return;
    for (const seq of seqs) {
      if (peer.window.isUnsent(seq)) continue;
      peer.window.remove(seq);
      const ask = peer.pending.get(seq);
      // It may have been told before the ask was there.
      if (ask?.stream?.items.isTold) this.tellRoom(ask);
    }
    this.send(from, peer);
  }

  /** What never arrived there, of all that it was told of last: that is sent again, and the rest is there. */
  handleUnknown(
    from: NodeId,
    { round, seqs }: Extract<JobMessage, { type: 'asks_unknown' }>,
    now: Instant,
  ): void {
    const peer = this.peers.get(from);
    if (peer === undefined || peer.round !== round) return;
    const unknown = new Set(seqs);
    const begun: Ask[] = [];
    for (const seq of peer.told) {
      const ask = peer.pending.get(seq);
      if (ask === undefined) continue;
      peer.window.remove(seq);
      if (!unknown.has(seq)) {
        if (ask.stream !== null) this.tellRoom(ask);
      } else if (ask.stream !== null && ask.stream.items.number > 0) begun.push(ask);
      else peer.window.push(ask);
    }
    peer.told = [];
    this.send(from, peer);
    // That node took this one for dead: to go on where the items have ended, another request is needed.
    for (const ask of begun) this.fail(ask, `node ${this.options.nameOf(from)} has forgotten it`, now, true);
  }

  abandon(seq: number): void {
    const ask = this.pending.get(seq);
    if (ask === undefined) return;
    this.end(ask);
    this.options.deliver(ask.to, { type: 'ask_abandoned', seq });
  }

  /** A new link: what was on its way on another one may be lost. */
  contactOpened(node: NodeId, now: Instant): void {
    const peer = this.peer(node);
    peer.toldAtMs = now.monotonicMs;
    this.askingDue.delete(node);
    this.unreached.forget(node);
    peer.round++;
    peer.told = [...peer.pending.keys()].filter((seq) => !peer.window.isUnsent(seq));
    const { instance } = this.options;
    const { round, told } = peer;
    this.options.deliver(node, { type: 'asking', instance, round, next: this.nextSeq, seqs: told });
  }

  /** No link for now: what is asked waits for the next one, but not for ever. */
  contactLost(node: NodeId, now: Instant): void {
    if (this.waitsFor(node)) this.unreached.lost(node, now);
  }

  /** That node has seen a new link, which this one may not have noticed. It may say so as often as it likes. */
  askingWanted(node: NodeId, now: Instant): void {
    const dueMs = this.peer(node).toldAtMs + askingGapMs;
    if (dueMs <= now.monotonicMs) this.contactOpened(node, now);
    else this.askingDue.set(node, dueMs);
  }

  /** Whether anything that was asked of that node is not answered. */
  waitsFor(node: NodeId): boolean {
    return (this.peers.get(node)?.pending.size ?? 0) > 0;
  }

  /** Of what is asked from now on, no number is lower. */
  get nextNumber(): number {
    return this.nextSeq;
  }

  /** Whether something that was asked before that number is not answered. */
  hasBefore(number: number): boolean {
    for (const seq of this.pending.keys()) return seq < number;
    return false;
  }

  nodeGone(node: NodeId, now: Instant): void {
    const why = `node ${this.options.nameOf(node)} was lost before it answered`;
    const pending = [...(this.peers.get(node)?.pending.values() ?? [])];
    this.peers.delete(node);
    this.askingDue.delete(node);
    this.unreached.forget(node);
    this.acks.forget(node);
    for (const ask of pending) this.fail(ask, why, now, true);
  }

  /** This node ends: whoever waits for another one's answer is told. */
  failAll(why: string, now: Instant): void {
    for (const ask of [...this.pending.values()]) this.fail(ask, why, now);
  }

  tick(now: Instant): void {
    for (const node of this.unreached.takeDue(now)) this.giveUp(node, now);
    this.acks.tick(now);
    for (const [node, dueMs] of this.askingDue) if (dueMs <= now.monotonicMs) this.contactOpened(node, now);
    for (
      let ask = this.expiries.takeDue(now.monotonicMs);
      ask !== undefined;
      ask = this.expiries.takeDue(now.monotonicMs)
    ) {
      this.abandon(ask.seq);
      if (ask.late !== null) ask.answered(ask.late, now);
      else this.fail(ask, `node ${this.options.nameOf(ask.to)} did not answer in time`, now);
    }
  }

  nextDeadlineMs(): number {
    let dueMs = Math.min(this.expiries.nextMs(), this.acks.nextDeadlineMs(), this.unreached.nextDeadlineMs());
    for (const askingMs of this.askingDue.values()) dueMs = Math.min(dueMs, askingMs);
    return dueMs;
  }

  /** Others may reach it. What has a time of its own keeps it. */
  private giveUp(node: NodeId, now: Instant): void {
    const why = `node ${this.options.nameOf(node)} can't be reached from this one`;
    for (const ask of [...(this.peers.get(node)?.pending.values() ?? [])])
      if (ask.deadline === null) this.fail(ask, why, now);
  }

  private end(ask: Ask): void {
    if (!this.pending.delete(ask.seq)) return;
    const peer = this.peers.get(ask.to);
    peer?.pending.delete(ask.seq);
    peer?.window.remove(ask.seq);
    if (peer?.pending.size === 0) this.unreached.forget(ask.to);
    this.bytes -= ask.bytes;
    if (ask.deadline !== null) this.expiries.cancel(ask.deadline);
  }

  private fail(ask: Ask, why: string, now: Instant, isNodeGone = false): void {
    this.end(ask);
    const text = `${why}; what was asked may or may not have happened`;
    ask.answered(errorReply('UNAVAILABLE', text), now, isNodeGone);
  }

  private sendTo(node: NodeId): void {
    const peer = this.peers.get(node);
    if (peer !== undefined) this.send(node, peer);
  }

  private send(to: NodeId, { window }: Peer): void {
    for (let ask = window.next(); ask !== undefined; ask = window.next()) {
      this.options.deliver(to, { type: 'ask', seq: ask.seq, command: ask.command });
    }
  }

  private peer(node: NodeId): Peer {
    let peer = this.peers.get(node);
    if (peer === undefined) {
      peer = {
        pending: new Map(),
        window: new SendWindow(limits.linkWindowBytes),
        toldAtMs: Number.NEGATIVE_INFINITY,
        round: 0,
        told: [],
      };
      this.peers.set(node, peer);
    }
    return peer;
  }

  /** What is kept for asks now, for checkers. */
  debts(): Debt[] {
    return [
      ...debtsByNode('asks not answered', this.peers, ({ pending }) => pending.size),
      { kind: 'bytes asked', count: this.bytes, node: null },
      { kind: 'time-outs of asks', count: this.expiries.size, node: null },
      { kind: 'answers to acknowledge', count: this.acks.size, node: null },
    ];
  }
}

/** What a command keeps of memory. */
export function askedBytes(command: PeerCommand): number {
  return requestBytes + (command.type === 'submit' ? payloadBytes(command.args) : 0);
}
