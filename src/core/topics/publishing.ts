import { Fifo } from '../fifo.js';
import type { NodeId, RequestId } from '../ids.js';
import { limits } from '../limits.js';
import { type Payload, payloadBytes } from '../payload.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { formatSize } from '../units.js';
import type { Topic } from './topic.js';
import type { TopicMessage } from './topic-messages.js';

type PublishMessage = Extract<TopicMessage, { type: 'publish' }>;

/** A PUBLISH that waits for the nodes it was sent to. */
interface Pending {
  readonly request: RequestId;
  readonly endsMs: number;
  count: number;
  /** Nodes that have not answered; 0: the client has its reply. */
  left: number;
}

/** A message on its way to one node. */
interface Sent {
  readonly message: PublishMessage;
  readonly bytes: number;
  readonly pending: Pending;
  readonly dropAtMs: number;
}

interface Destination {
  /** Sent over a link that has been replaced: the answer may come over the new one, until it is no longer waited for. */
  readonly doubtful: Fifo<Sent>;
  /** Sent, and not answered. */
  readonly unanswered: Fifo<Sent>;
  unansweredBytes: number;
  /** When it last answered some of it, or came to have something to answer. */
  answeredAtMs: number;
  /** It has not answered for so long that nothing is sent to it until it does. */
  isMute: boolean;
  /** For want of a link. */
  readonly unlinked: Fifo<Sent>;
  unlinkedBytes: number;
}

const messageBytes = 64;
const retryAfter = 'retry-after=100ms';

export interface PublishingOptions {
  /** False: there is no link to it now, and one is sought. */
  readonly send: (to: NodeId, message: TopicMessage) => boolean;
  readonly reply: (request: RequestId, reply: Reply) => void;
  readonly nameOf: (node: NodeId) => string;
}

/** Sends what is published here to the nodes that may want it, once each and in order, and counts who got it. */
export class Publishing {
  private readonly destinations = new Map<NodeId, Destination>();
  /** All wait for as long, so the earliest end comes first. Those that are answered leave when they are first. */
  private readonly pending = new Fifo<Pending>();
  private lastSeq = 0;
  private droppedCount = 0;
  /** Over all nodes. */
  private unlinkedCount = 0;
  private doubtfulCount = 0;

  constructor(private readonly options: PublishingOptions) {}

  /** Messages that were lost to nodes without a link, or that did not answer. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** Nobody is waited for, and nothing waits. */
  get isIdle(): boolean {
    const isMute = ({ isMute }: Destination): boolean => isMute;
    return [...this.destinations.values()].every(isMute) && this.nextPending() === undefined;
  }

  /** The number of the last message that was published here. */
  get last(): number {
    return this.lastSeq;
  }

  /** Why nothing more can be published that these nodes want; null: it can. */
  refusal(nodes: readonly NodeId[], nowMs: number): Reply | null {
    for (const node of nodes) {
      const destination = this.destinations.get(node);
      if (destination === undefined || destination.unansweredBytes < limits.unansweredBytesMax) continue;
      if (nowMs >= destination.answeredAtMs + limits.unansweredMs) {
        this.passOver(destination);
        continue;
      }
      const most = formatSize(limits.unansweredBytesMax);
      const what = `node ${this.options.nameOf(node)} has yet to take the last ${most} that were sent to it`;
      return errorReply('BUSY', `${retryAfter} ${what}: nothing was sent to anybody`);
    }
    return null;
  }

  /** The number of the next message. */
  take(): number {
    return ++this.lastSeq;
  }

  publish(
    request: RequestId,
    message: PublishMessage,
    { nodes, localCount, nowMs }: { nodes: readonly NodeId[]; localCount: number; nowMs: number },
  ): void {
    if (nodes.length === 0) {
      this.options.reply(request, okReply(String(localCount)));
      return;
    }
    const endsMs = nowMs + limits.topicAnswerMs;
    const pending: Pending = { request, endsMs, count: localCount, left: nodes.length };
    this.pending.push(pending);
    const bytes = costOf(message.topic, message.payload);
    const sent: Sent = { message, bytes, pending, dropAtMs: nowMs + limits.unlinkedMs };
    for (const node of nodes) this.send(node, sent, nowMs);
  }

  /** Another node has passed on all up to this number, each to so many. */
  answered(
    from: NodeId,
    { upTo, counts }: { readonly upTo: number; readonly counts: readonly number[] },
    nowMs: number,
  ): void {
    const destination = this.destinations.get(from);
    if (destination === undefined) return;
    destination.isMute = false;
    let index = 0;
    const isUpTo = ({ message: { seq } }: Sent): boolean => seq <= upTo;
    const take = (sent: Sent): void => {
      while (index < counts.length && (counts[index] as number) < sent.message.seq) index += 2;
      const isCounted = counts[index] === sent.message.seq;
      this.settle(sent.pending, isCounted ? (counts[index + 1] ?? 0) : 0);
    };
    this.doubtfulCount -= shiftWhile(destination.doubtful, isUpTo, take);
    const count = shiftWhile(destination.unanswered, isUpTo, (sent) => {
      destination.unansweredBytes -= sent.bytes;
      take(sent);
    });
    if (count > 0) destination.answeredAtMs = nowMs;
    this.forgetIfIdle(from, destination);
  }

  /** What was on its way on the link before may be lost. */
  contactOpened(node: NodeId, nowMs: number): void {
    const destination = this.destinations.get(node);
    if (destination === undefined) return;
    destination.isMute = false;
    destination.answeredAtMs = nowMs;
    const { unlinked, unanswered, doubtful } = destination;
    for (let sent = unanswered.shift(); sent !== undefined; sent = unanswered.shift()) {
      doubtful.push(sent);
      this.doubtfulCount++;
    }
    destination.unansweredBytes = 0;
    for (let sent = unlinked.peek(); sent !== undefined; sent = unlinked.peek()) {
      if (!this.options.send(node, sent.message)) break;
      unlinked.shift();
      this.unlinkedCount--;
      destination.unlinkedBytes -= sent.bytes;
      destination.unanswered.push(sent);
      destination.unansweredBytes += sent.bytes;
    }
    this.forgetIfIdle(node, destination);
  }

  contactLost(node: NodeId): void {
    const destination = this.destinations.get(node);
    if (destination === undefined) return;
    this.giveUpUnanswered(destination);
    destination.isMute = false;
    this.forgetIfIdle(node, destination);
  }

  /** It is no member any more, or its process is another one. */
  nodeGone(node: NodeId): void {
    const destination = this.destinations.get(node);
    if (destination === undefined) return;
    this.giveUpUnanswered(destination);
    this.dropUnlinked(destination, Number.POSITIVE_INFINITY);
    this.destinations.delete(node);
  }

  tick(nowMs: number): void {
    if (this.unlinkedCount + this.doubtfulCount > 0) {
      for (const [node, destination] of this.destinations) {
        this.dropUnlinked(destination, nowMs);
        this.giveUpDoubtful(destination, nowMs);
        this.forgetIfIdle(node, destination);
      }
    }
    this.endPending(nowMs);
  }

  /** Everybody who waits is told what is known. */
  tellAll(): void {
    this.endPending(Number.POSITIVE_INFINITY);
  }

  nextDeadlineMs(): number {
    let nextMs = this.nextPending()?.endsMs ?? Number.POSITIVE_INFINITY;
    if (this.unlinkedCount === 0) return nextMs;
    for (const { unlinked } of this.destinations.values())
      nextMs = Math.min(nextMs, unlinked.peek()?.dropAtMs ?? Number.POSITIVE_INFINITY);
    return nextMs;
  }

  private send(node: NodeId, sent: Sent, nowMs: number): void {
    const destination = this.destination(node);
    if (destination.isMute) {
      this.droppedCount++;
      this.settle(sent.pending, 0);
      return;
    }
    if (destination.unanswered.length === 0) destination.answeredAtMs = nowMs;
    if (destination.unlinked.length === 0 && this.options.send(node, sent.message)) {
      destination.unanswered.push(sent);
      destination.unansweredBytes += sent.bytes;
      return;
    }
    if (destination.unlinkedBytes >= limits.unlinkedBytesMax) {
      this.droppedCount++;
      this.settle(sent.pending, 0);
      return;
    }
    destination.unlinked.push(sent);
    destination.unlinkedBytes += sent.bytes;
    this.unlinkedCount++;
  }

  private destination(node: NodeId): Destination {
    let destination = this.destinations.get(node);
    if (destination === undefined) {
      destination = {
        doubtful: new Fifo(),
        unanswered: new Fifo(),
        unansweredBytes: 0,
        answeredAtMs: 0,
        isMute: false,
        unlinked: new Fifo(),
        unlinkedBytes: 0,
      };
      this.destinations.set(node, destination);
    }
    return destination;
  }

  private forgetIfIdle(node: NodeId, { doubtful, unanswered, unlinked, isMute }: Destination): void {
    if (isMute) return;
    if (doubtful.length + unanswered.length + unlinked.length === 0) this.destinations.delete(node);
  }

  /** Else one node that never answers would keep all others from being sent anything that it wants as well. */
  private passOver(destination: Destination): void {
    destination.isMute = true;
    this.droppedCount += this.giveUpUnanswered(destination);
  }

  /** Returns how many these were. */
  private giveUpUnanswered(destination: Destination): number {
    this.giveUpDoubtful(destination, Number.POSITIVE_INFINITY);
    destination.unansweredBytes = 0;
    return shiftWhile(destination.unanswered, always, ({ pending }) => this.settle(pending, 0));
  }

  private giveUpDoubtful({ doubtful }: Destination, nowMs: number): void {
    const isOver = ({ pending }: Sent): boolean => pending.endsMs <= nowMs;
    this.doubtfulCount -= shiftWhile(doubtful, isOver, ({ pending }) => this.settle(pending, 0));
  }

  private dropUnlinked(destination: Destination, nowMs: number): void {
    const isOver = ({ dropAtMs }: Sent): boolean => dropAtMs <= nowMs;
    shiftWhile(destination.unlinked, isOver, ({ bytes, pending }) => {
      this.unlinkedCount--;
      this.droppedCount++;
      destination.unlinkedBytes -= bytes;
      this.settle(pending, 0);
    });
  }

  private settle(pending: Pending, count: number): void {
    if (pending.left === 0) return;
    pending.count += count;
    if (--pending.left === 0) this.tell(pending);
  }

  private endPending(nowMs: number): void {
    for (let first = this.nextPending(); first !== undefined; first = this.nextPending()) {
      if (first.endsMs > nowMs) return;
      first.left = 0;
      this.tell(first);
    }
  }

  private nextPending(): Pending | undefined {
    for (let first = this.pending.peek(); first !== undefined; first = this.pending.peek()) {
      if (first.left > 0) return first;
      this.pending.shift();
    }
    return undefined;
  }

  private tell({ request, count }: Pending): void {
    this.options.reply(request, okReply(String(count)));
  }
}

/** Takes items off the front for as long as they are meant; how many these were. */
function shiftWhile(items: Fifo<Sent>, isMeant: (sent: Sent) => boolean, take: (sent: Sent) => void): number {
  let count = 0;
  for (let sent = items.peek(); sent !== undefined && isMeant(sent); sent = items.peek()) {
    items.shift();
    count++;
    take(sent);
  }
  return count;
}

const always = (): boolean => true;

function costOf(topic: Topic, payload: Payload): number {
  return messageBytes + topic.length + payloadBytes(payload);
}
