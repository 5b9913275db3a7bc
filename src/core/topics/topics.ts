import { assertNever } from '../assert.js';
import type { TopicCommand } from '../commands.js';
import type { InstanceId, NodeId, RequestId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { Message } from '../item.js';
import { isThere, type MemberView } from '../jobs/member-view.js';
import { limits } from '../limits.js';
import { isPresent, type MemberRecord } from '../member.js';
import type { Outbox } from '../outbox.js';
import { payloadBytes } from '../payload.js';
import type { Random } from '../random.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { formatSize } from '../units.js';
import { InterestExchange } from './interest-exchange.js';
import { KeptMessages } from './kept-messages.js';
import { Polls } from './polls.js';
import { Publishing } from './publishing.js';
import { Receiving } from './receiving.js';
import type { Numbered } from './replay-order.js';
import { Replays } from './replays.js';
import { Subscriptions } from './subscriptions.js';
import type { Topic } from './topic.js';
import type { TopicMessage } from './topic-messages.js';

export interface TopicsOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  /** The incarnation at the start of this process. */
  readonly start: number;
  readonly outbox: Outbox;
  readonly members: MemberView;
  readonly random: Random;
  /** Whether there are members without a link to this node. */
  readonly isSparse: () => boolean;
}

type Command<Type extends TopicCommand['type']> = Extract<TopicCommand, { type: Type }>;
type Taken<Type extends TopicMessage['type']> = Extract<TopicMessage, { type: Type }>;

/** For INFO and metrics. */
export interface TopicCounts {
  /** Each topic of each request. */
  readonly subscriptions: number;
  /** By clients of this node, since it started. */
  readonly published: number;
  /** To clients of this node, each counted. */
  readonly delivered: number;
  /** Not sent to nodes that there was no link to. */
  readonly dropped: number;
  readonly keptBytes: number;
}

/** Publish and subscribe over all nodes, at most once: who subscribes where, who is sent what, and what is kept for those who come late. */
export class Topics {
  readonly subscriptions: Subscriptions;
  readonly interest: InterestExchange;
  readonly kept = new KeptMessages();
  readonly publishing: Publishing;
  readonly receiving: Receiving;
  private readonly polls: Polls;
  readonly replays: Replays;
  /** Subscriptions that wait for the replays of others to end, the first first. */
  private readonly line = new Map<RequestId, Command<'subscribe'>>();
  private lineNames = 0;
  /** What SUBSCRIBERS has heard so far, by its poll. */
  private isEnding = false;
  private readonly countings = new Map<number, number[]>();
  private delivered = 0;
  private now: Instant = { monotonicMs: 0, wallMs: 0 };

  constructor(private readonly options: TopicsOptions) {
    const { self, instance, start, outbox, members, random, isSparse } = options;
    const send = (to: NodeId, message: TopicMessage): boolean => outbox.send(to, message);
    this.interest = new InterestExchange({ node: self, instance, start, members, random, isSparse, send });
    this.subscriptions = new Subscriptions({
      gained: (name) => this.interest.own.gained(name),
      lost: (name) => this.interest.own.lost(name, this.now.monotonicMs),
    });
    this.publishing = new Publishing({
      send,
      reply: (request, reply) => outbox.reply(request, reply),
      nameOf: (node) => members.get(node)?.name ?? node,
    });
    this.receiving = new Receiving(send);
    this.polls = new Polls({ send });
    this.replays = new Replays({
      self,
      polls: this.polls,
      nodes: () => this.otherNodes(),
      kept: (topics, count) => this.kept.last(topics, count),
      deliver: (request, message) => this.deliver([request], message),
      ended: () => this.nextInLine(),
    });
  }

  get wantsFlush(): boolean {
    return this.receiving.wantsFlush;
  }

  counts(): TopicCounts {
    return {
      subscriptions: this.subscriptions.count,
      published: this.publishing.last,
      delivered: this.delivered,
      dropped: this.publishing.dropped,
      keptBytes: this.kept.bytes,
    };
  }

  request(request: RequestId, command: TopicCommand, now: Instant): void {
    this.now = now;
    switch (command.type) {
      case 'subscribe':
        return this.subscribe(request, command);
      case 'publish':
        return this.publish(request, command);
      case 'subscribers':
        return this.countSubscribers(request, command);
      default:
        assertNever(command);
    }
  }

  /** False when it is about no topic. */
  abandon(request: RequestId, now: Instant): boolean {
    this.now = now;
    const waiting = this.line.get(request);
    if (waiting !== undefined) {
      this.line.delete(request);
      this.lineNames -= waiting.topics.length;
      return true;
    }
    if (!this.subscriptions.remove(request)) return false;
    this.replays.abandon(request);
    this.interest.tellChanges(now.monotonicMs);
    this.nextInLine();
    return true;
  }

  handle(from: NodeId, instance: InstanceId, message: TopicMessage, now: Instant): void {
    this.now = now;
    switch (message.type) {
      case 'publish':
        return this.takePublished(from, instance, message);
      case 'published':
        return this.publishing.answered(from, message.upTo, message.counts);
      case 'interest':
        return this.interest.take(from, message.record);
      case 'interest_digest':
        return this.interest.takeDigest(from, message.checksum, now.monotonicMs);
      case 'interest_versions':
        return this.interest.takeVersions(from, message, now.monotonicMs);
      case 'replay_wanted':
        return this.answerReplay(from, message);
      case 'replayed':
        this.receiving.pass(from, instance, message.last);
        return this.replays.answered(from, message.seq, message.messages, now.monotonicMs);
      case 'count_subscribers':
        return this.answerCount(from, message);
      case 'subscriber_counts':
        return this.takeCounts(from, message);
      default:
        assertNever(message);
    }
  }

  tick(now: Instant): void {
    this.now = now;
    this.interest.tick(now.monotonicMs);
    this.askForReplays();
    this.publishing.tick(now.monotonicMs);
    this.polls.tick(now.monotonicMs);
  }

  /** All that came in one turn has been handled. */
  flush(): void {
    this.receiving.flush();
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.interest.nextDeadlineMs(),
      this.publishing.nextDeadlineMs(),
      this.polls.nextDeadlineMs(),
    );
  }

  contactOpened(node: NodeId, now: Instant): void {
    this.now = now;
    this.interest.contactOpened(node);
    this.publishing.contactOpened(node);
    this.polls.contactOpened(node);
  }

  contactLost(node: NodeId, now: Instant): void {
    this.now = now;
    this.interest.contactLost(node);
    this.publishing.contactLost(node);
    // Of a stranger nothing is kept: no death of it would ever clear it away.
    if (this.options.members.get(node) === undefined) this.memberForgotten(node);
  }

  memberChanged(member: MemberRecord, previous: MemberRecord | null, now: Instant): void {
    this.now = now;
    if (member.id === this.options.self) return;
    this.interest.memberChanged(member, previous);
    const isReplaced = previous !== null && previous.instance !== member.instance;
    if (isPresent(member) && !isReplaced) return;
    this.publishing.nodeGone(member.id);
    this.polls.nodeGone(member.id, now.monotonicMs);
  }

  memberForgotten(node: NodeId): void {
    this.interest.memberForgotten(node);
    this.publishing.nodeGone(node);
    this.receiving.forget(node);
  }

  /** The node is about to end: its subscriptions with it. */
  endAll(): void {
    this.isEnding = true;
    for (const request of [...this.line.keys(), ...this.subscriptions.all()]) {
      this.options.outbox.reply(request, this.endReply());
      this.abandon(request, this.now);
    }
    this.publishing.tellAll();
  }

  private endReply(): Reply {
    const { name } = this.options.members.self();
    return errorReply('UNAVAILABLE', `node ${name} leaves: subscribe at another`);
  }

  private subscribe(request: RequestId, command: Command<'subscribe'>): void {
    const { topics, replay } = command;
    if (this.isEnding) return this.options.outbox.reply(request, this.endReply());
    if (!this.subscriptions.hasRoomFor(topics, this.lineNames)) {
      const text = `this node has ${this.subscriptions.count} subscriptions, of ${limits.subscriptionsMax} at most, ${limits.patternsMax} different patterns among them: end some, or ask another node`;
      this.options.outbox.reply(request, errorReply('TOO_MANY_SUBSCRIPTIONS', text));
      return;
    }
    if (replay > 0 && !this.replays.hasRoom) {
      this.line.set(request, command);
      this.lineNames += topics.length;
      return;
    }
    this.subscriptions.add(request, topics);
    const text = JSON.stringify({ topics });
    this.options.outbox.push({ type: 'item', request, item: { type: 'subscribed', text } });
    if (replay > 0) this.replays.begin(request, topics, Math.min(replay, limits.replayMax));
    this.interest.tellChanges(this.now.monotonicMs);
    this.askForReplays();
  }

  /** Whoever is asked must know that live messages are wanted before it answers, or those in between were lost. */
  private askForReplays(): void {
    if (this.replays.isAny && this.interest.own.isTold) this.replays.askAll(this.now.monotonicMs);
  }

  private nextInLine(): void {
    for (const [request, command] of this.line) {
      if (!this.replays.hasRoom) return;
      this.line.delete(request);
      this.lineNames -= command.topics.length;
      this.subscribe(request, command);
    }
  }

  private publish(request: RequestId, { topic, payload }: Command<'publish'>): void {
    const { outbox } = this.options;
    if (payloadBytes(payload) > limits.topicMessageBytesMax) {
      const most = formatSize(limits.topicMessageBytesMax);
      outbox.reply(
        request,
        errorReply('BAD_REQUEST', `a message of a topic is at most ${most}: nothing was sent`),
      );
      return;
    }
    const nodes = this.interest.others.wanting(topic);
    const refusal = nodes.length === 0 ? null : this.publishing.refusal(nodes);
    if (refusal !== null) {
      outbox.reply(request, refusal);
      return;
    }
    const { monotonicMs: nowMs, wallMs } = this.now;
    const number = this.publishing.take();
    this.kept.add({ topic, number, wallMs, payload });
    const localCount = this.fanOut({ publisher: this.options.self, number, message: { topic, payload } });
    const message = { type: 'publish', seq: number, topic, payload } as const;
    this.publishing.publish(request, message, { nodes, localCount, nowMs });
  }

  private takePublished(from: NodeId, instance: InstanceId, { seq, topic, payload }: Taken<'publish'>): void {
    if (!this.receiving.take(from, instance, seq)) return;
    const count = this.fanOut({ publisher: from, number: seq, message: { topic, payload } });
    this.receiving.delivered(from, seq, count);
  }

  /** To the subscribers of this node; the number of them. */
  private fanOut(numbered: Numbered): number {
    const requests = this.subscriptions.match(numbered.message.topic);
    if (requests.length === 0) return 0;
    if (!this.replays.isAny) this.deliver(requests, numbered.message);
    else {
      const { monotonicMs } = this.now;
      const atOnce = requests.filter((request) => !this.replays.holdBack(request, numbered, monotonicMs));
      if (atOnce.length > 0) this.deliver(atOnce, numbered.message);
    }
    return requests.length;
  }

  private deliver(requests: readonly RequestId[], message: Message): void {
    this.delivered += requests.length;
    this.options.outbox.push({ type: 'deliver', requests, message });
  }

  private countSubscribers(request: RequestId, { topics }: Command<'subscribers'>): void {
    const sums = topics.map((topic) => this.subscriptions.countOf(topic));
    const nodes = new Set(topics.flatMap((topic) => this.interest.others.wanting(topic)));
    let poll = 0;
    const done = (): void => {
      this.countings.delete(poll);
      this.options.outbox.reply(request, okReply(countsText(topics, sums)));
    };
    const { monotonicMs: nowMs } = this.now;
    if (nodes.size === 0) return done();
    poll = this.polls.ask([...nodes], (seq) => ({ type: 'count_subscribers', seq, topics }), { nowMs, done });
    this.countings.set(poll, sums);
  }

  private takeCounts(from: NodeId, { seq, counts }: Taken<'subscriber_counts'>): void {
    const sums = this.countings.get(seq);
    if (sums === undefined || !this.polls.expects(from, seq)) return;
    for (let index = 0; index < sums.length; index++)
      sums[index] = (sums[index] as number) + (counts[index] ?? 0);
    this.polls.answered(from, seq, this.now.monotonicMs);
  }

  private answerCount(from: NodeId, { seq, topics }: Taken<'count_subscribers'>): void {
    const counts = topics.map((topic) => this.subscriptions.countOf(topic));
    this.options.outbox.send(from, { type: 'subscriber_counts', seq, counts });
  }

  private answerReplay(from: NodeId, { seq, count, topics }: Taken<'replay_wanted'>): void {
    const messages = this.kept.last(topics, count);
    this.options.outbox.send(from, { type: 'replayed', seq, last: this.publishing.last, messages });
  }

  private otherNodes(): NodeId[] {
    const { self, members } = this.options;
    return Array.from(members.all(), ({ id }) => id).filter((id) => id !== self && isThere(members, id));
  }
}

/** By hand: a topic may be called `__proto__`. Names hold nothing that JSON would escape. */
function countsText(topics: readonly Topic[], counts: readonly number[]): string {
  return `{${topics.map((topic, index) => `"${topic}":${counts[index]}`).join(',')}}`;
}
