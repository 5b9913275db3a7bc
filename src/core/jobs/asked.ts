import type { InstanceId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { JobMessage } from '../messages.js';
import { errorReply, type Reply, replyBytes } from '../reply.js';
import { Acks } from './acks.js';
import { type Debt, debtsByNode } from './debts.js';
import { SendWindow } from './send-window.js';

interface Answer {
  readonly seq: number;
  /** Of all answers of this node, in their order. */
  readonly number: number;
  readonly reply: Reply;
  /** How many items came before it. */
  readonly items: number;
  readonly bytes: number;
}

/** What one other node has asked here. */
interface Peer {
  /** Null until it has said. */
  instance: InstanceId | null;
  /** Asks that it has not been answered, or whose answer it has not acknowledged. */
  readonly open: Map<number, Answer | null>;
  readonly window: SendWindow<Answer>;
  /** Small ones go ahead: a claim's would come too late behind a hundred megabytes, and its key be taken twice. */
  readonly smallWindow: SendWindow<Answer>;
  /** Of these answers. */
  bytes: number;
}

/** What says that something was done, or that a key is taken, is shorter; longer are results, states and lists. */
const smallAnswerBytesMax = 256;

export interface AskedOptions {
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** Nobody waits for the answer to this ask any more. */
  readonly abandoned: (from: NodeId, seq: number) => void;
  /** Nothing more is to be said of it. */
  readonly over: (from: NodeId, seq: number) => void;
}

/**
 * What other nodes ask of this one: each ask is taken once, however often its message comes, and its answer is kept until
 * the other node has it.
 */
export class Asked {
  private readonly peers = new Map<NodeId, Peer>();
  private readonly acks: Acks;
  private bytes = 0;
  /** Given so far. */
  answerCount = 0;

  constructor(private readonly options: AskedOptions) {
    this.acks = new Acks((to, seqs) => this.options.deliver(to, { type: 'asks_taken', seqs }));
  }

  /** False when this ask is under way or answered already. Over the limit it is answered here, and nothing is kept. */
  take(from: NodeId, { seq, command }: Extract<JobMessage, { type: 'ask' }>): boolean {
    const { open } = this.peer(from);
    if (open.has(seq)) return false;
    // Claims are answered at once, and must not be refused: see `Asks`.
    if (open.size >= (command.type === 'claim' ? 2 : 1) * limits.asksMax) {
      const reply = errorReply('BUSY', `retry-after=1s ${open.size} requests of that node wait here`);
      this.options.deliver(from, { type: 'answer', seq, reply });
      return false;
    }
    open.set(seq, null);
    return true;
  }

  /** To be called after an ask was handled: what is not answered at once is acknowledged by itself. */
  taken(from: NodeId, seq: number, bytes: number, now: Instant): void {
    if (this.peers.get(from)?.open.get(seq) === null) this.acks.add(from, seq, bytes, now);
  }

  answer(to: NodeId, seq: number, reply: Reply, items = 0): void {
    const peer = this.peers.get(to);
    if (peer === undefined || peer.open.get(seq) !== null) return;
    const number = ++this.answerCount;
    let answer: Answer = { seq, number, reply, items, bytes: replyBytes(reply) };
    // What is small is always told: it may say that something was done, or that a key is taken.
    const isFull =
      peer.bytes + answer.bytes > limits.answersBytesPerPeerMax ||
      this.bytes + answer.bytes > limits.answersBytesMax;
    if (isFull && answer.bytes > smallAnswerBytesMax) {
      const why = `${this.bytes} bytes of answers are on their way to other nodes, and this one has no room`;
      const unavailable = errorReply('UNAVAILABLE', `${why}; what was asked may or may not have happened`);
      answer = { seq, number, reply: unavailable, items, bytes: replyBytes(unavailable) };
    }
    peer.bytes += answer.bytes;
    this.bytes += answer.bytes;
    peer.open.set(seq, answer);
    (answer.bytes <= smallAnswerBytesMax ? peer.smallWindow : peer.window).push(answer);
    this.send(to, peer);
  }

  /** A new link: what that node still waits for, of all that it has asked before `next`. */
  handleAsking(from: NodeId, message: Extract<JobMessage, { type: 'asking' }>): void {
    const known = this.peers.get(from);
    if (known !== undefined && known.instance !== null && known.instance !== message.instance)
      this.forget(from);
    const peer = this.peer(from);
    peer.instance = message.instance;
    const wanted = new Set(message.seqs);
    for (const seq of [...peer.open.keys()]) if (seq < message.next && !wanted.has(seq)) this.drop(from, seq);
    const seqs = message.seqs.filter((seq) => !peer.open.has(seq));
    this.options.deliver(from, { type: 'asks_unknown', round: message.round, seqs });
    peer.smallWindow.rewind();
    peer.window.rewind();
    this.send(from, peer);
  }

  handleAnswersTaken(from: NodeId, seqs: readonly number[]): void {
    const peer = this.peers.get(from);
    if (peer === undefined) return;
    // One that has not been answered can't have been taken.
    for (const seq of seqs) if (peer.open.get(seq) !== null) this.drop(from, seq);
    this.send(from, peer);
  }

  handleAbandoned(from: NodeId, seq: number): void {
    this.drop(from, seq);
  }

  /** That node's process is gone, and its clients with it. */
  forget(node: NodeId): void {
    for (const seq of [...(this.peers.get(node)?.open.keys() ?? [])]) this.drop(node, seq);
    this.peers.delete(node);
    this.acks.forget(node);
  }

  /** Whether one of the first `count` answers is still to arrive somewhere. */
  hasAnswers(count: number): boolean {
    for (const { open } of this.peers.values())
      for (const answer of open.values()) if (answer !== null && answer.number <= count) return true;
    return false;
  }

  tick(now: Instant): void {
    this.acks.tick(now);
  }

  nextDeadlineMs(): number {
    return this.acks.nextDeadlineMs();
  }

  private drop(from: NodeId, seq: number): void {
    const peer = this.peers.get(from);
    const answer = peer?.open.get(seq);
    if (peer === undefined || answer === undefined) return;
    peer.open.delete(seq);
    peer.smallWindow.remove(seq);
    peer.window.remove(seq);
    this.options.over(from, seq);
    if (answer === null) this.options.abandoned(from, seq);
    else {
      this.bytes -= answer.bytes;
      peer.bytes -= answer.bytes;
    }
  }

  private send(to: NodeId, { smallWindow, window }: Peer): void {
    for (const each of [smallWindow, window])
      for (let answer = each.next(); answer !== undefined; answer = each.next()) {
        const { seq, reply, items } = answer;
        this.options.deliver(to, { type: 'answer', seq, reply, ...(items > 0 && { items }) });
      }
  }

  private peer(node: NodeId): Peer {
    let peer = this.peers.get(node);
    if (peer === undefined) {
      peer = {
        instance: null,
        open: new Map(),
        window: new SendWindow(limits.linkWindowBytes),
        smallWindow: new SendWindow(limits.linkWindowBytes),
        bytes: 0,
      };
      this.peers.set(node, peer);
    }
    return peer;
  }

  /** What is kept for other nodes now, for checkers. */
  debts(): Debt[] {
    const openOf = (peer: Peer): number => [...peer.open.values()].filter((answer) => answer === null).length;
    return [
      ...debtsByNode('asks taken', this.peers, openOf),
      ...debtsByNode('answers not acknowledged', this.peers, (peer) => peer.open.size - openOf(peer)),
      { kind: 'bytes of answers', count: this.bytes, node: null },
      { kind: 'asks to acknowledge', count: this.acks.size, node: null },
    ];
  }
}
