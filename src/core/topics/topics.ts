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
import { errorReply, type Reply } from '../reply.js';
import { formatSize } from '../units.js';
import { InterestExchange } from './interest-exchange.js';
import { type Answer, KeptAnswers } from './kept-answers.js';
import { KeptMessages } from './kept-messages.js';
import { Polls } from './polls.js';
import { Publishing } from './publishing.js';
import { Receiving } from './receiving.js';
import type { Numbered } from './replay-order.js';
import { Replays } from './replays.js';
import { type SubscribeCommand, SubscribeLine } from './subscribe-line.js';
import { SubscriberCounts } from './subscriber-counts.js';
import { Subscriptions } from './subscriptions.js';
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
  private readonly keptAnswers: KeptAnswers;
  private readonly line = new SubscribeLine();
  private isEnding = false;
  private readonly subscriberCounts: SubscriberCounts;
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
    this.keptAnswers = new KeptAnswers({
      last: () => this.publishing.last,
      search: (topics, count) => this.kept.search(topics, count, this.publishing.last),
      answer: (to, answer) => this.answerReplay(to, answer),
    });
    this.polls = new Polls({ send: (to, question) => this.ask(to, question) });
    this.subscriberCounts = new SubscriberCounts({
      polls: this.polls,
      countOf: (topic) => this.subscriptions.countOf(topic),
      nodesWanting: (topic) => this.interest.others.wanting(topic),
      reply: (request, reply) => outbox.reply(request, reply),
    });
    this.replays = new Replays({
      polls: this.polls,
      nodes: () => this.nodesThere(),
      deliver: (request, message) => this.deliver([request], message),
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
        return this.subscriberCounts.ask(request, command.topics, now.monotonicMs);
      default:
        assertNever(command);
    }
  }

  /** False when it is about no topic. */
  abandon(request: RequestId, now: Instant): boolean {
    this.now = now;
    if (this.line.remove(request)) return true;
    if (!this.subscriptions.remove(request)) return false;
    this.replays.abandon(request);
    this.interest.tellChanges(now.monotonicMs);
    return true;
  }

  handle(from: NodeId, instance: InstanceId, message: TopicMessage, now: Instant): void {
    this.now = now;
    switch (message.type) {
      case 'publish':
        return this.takePublished(from, instance, message);
      case 'published':
        return this.publishing.answered(from, message, now.monotonicMs);
      case 'interest':
        return this.interest.take(from, message.record);
      case 'interest_digest':
        return this.interest.takeDigest(from, message.checksum, now.monotonicMs);
      case 'interest_versions':
        return this.interest.takeVersions(from, message, now.monotonicMs);
      case 'replay_wanted':
        return this.keptAnswers.ask(from, message, now.monotonicMs);
      case 'replayed':
        this.receiving.pass(from, instance, message.last);
        return this.replays.answered(from, message.seq, message.messages, now.monotonicMs);
      case 'count_subscribers':
        return this.answerCount(from, message);
      case 'subscriber_counts':
        return this.subscriberCounts.take(from, message, now.monotonicMs);
      default:
        assertNever(message);
    }
  }

  tick(now: Instant): void {
    this.now = now;
    this.interest.tick(now.monotonicMs);
    this.publishing.tick(now.monotonicMs);
    this.keptAnswers.tick(now.monotonicMs);
    this.polls.tick(now.monotonicMs);
    this.replays.tick();
    this.takeFromLine();
    this.askForReplays();
  }

  /** All that came in one turn has been handled. */
  flush(): void {
    this.receiving.flush();
  }

  nextDeadlineMs(): number {
    const isNextDue = !this.line.isEmpty && this.replays.hasRoom;
    if (isNextDue || this.replays.hasEnded) return Number.NEGATIVE_INFINITY;
    return Math.min(
      this.interest.nextDeadlineMs(),
      this.publishing.nextDeadlineMs(),
      this.keptAnswers.nextDeadlineMs(),
      this.polls.nextDeadlineMs(),
    );
  }

  contactOpened(node: NodeId, now: Instant): void {
    this.now = now;
    this.interest.contactOpened(node);
    this.publishing.contactOpened(node, now.monotonicMs);
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
    this.keptAnswers.forget(node);
    this.receiving.forget(node);
  }

  /** The node is about to end: its subscriptions with it. */
  endAll(): void {
    this.isEnding = true;
    for (const request of [...this.line.requests(), ...this.subscriptions.all()]) {
      this.options.outbox.reply(request, this.endReply());
      this.abandon(request, this.now);
    }
    this.publishing.tellAll();
  }

  private endReply(): Reply {
    const { name } = this.options.members.self();
    return errorReply('UNAVAILABLE', `node ${name} leaves: subscribe at another`);
  }

  private subscribe(request: RequestId, command: SubscribeCommand): void {
    if (this.isEnding) return this.options.outbox.reply(request, this.endReply());
    // Who waits was there first.
    const isToWait = command.replay > 0 && !(this.replays.hasRoom && this.line.isEmpty);
    if (!this.subscriptions.hasRoomFor(command.topics, this.line.nameCount)) this.refuse(request);
    else if (isToWait) this.line.add(request, command);
    else this.begin(request, command);
  }

  private refuse(request: RequestId): void {
    const text = `this node has ${this.subscriptions.count} subscriptions, of ${limits.subscriptionsMax} at most, ${limits.patternsMax} different patterns among them: end some, or ask another node`;
    this.options.outbox.reply(request, errorReply('TOO_MANY_SUBSCRIPTIONS', text));
  }

  private begin(request: RequestId, { topics, replay }: SubscribeCommand): void {
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

  /** In a tick, and not where a replay ends: each that begins may end at once, and the next one with it. */
  private takeFromLine(): void {
    if (!this.replays.hasRoom) return;
    for (const [request, command] of this.line.take()) {
      // Others may have brought more patterns meanwhile.
      if (this.subscriptions.hasRoomFor(command.topics, this.line.nameCount)) this.begin(request, command);
      else this.refuse(request);
      if (!this.replays.hasRoom) return;
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
    const { monotonicMs: nowMs, wallMs } = this.now;
    const refusal = nodes.length === 0 ? null : this.publishing.refusal(nodes, nowMs);
    if (refusal !== null) {
      outbox.reply(request, refusal);
      return;
    }
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

  private answerCount(from: NodeId, { seq, topics }: Taken<'count_subscribers'>): void {
    const counts = topics.map((topic) => this.subscriptions.countOf(topic));
    this.options.outbox.send(from, { type: 'subscriber_counts', seq, counts });
  }

  /** This node asks itself as it asks the others. */
  private ask(to: NodeId, question: TopicMessage): void {
    if (to !== this.options.self) this.options.outbox.send(to, question);
    else if (question.type === 'replay_wanted') this.keptAnswers.ask(to, question, this.now.monotonicMs);
  }

  private answerReplay(to: NodeId, answer: Answer): void {
    if (to !== this.options.self) this.options.outbox.send(to, { type: 'replayed', ...answer });
    else this.replays.answered(to, answer.seq, answer.messages, this.now.monotonicMs);
  }

  private nodesThere(): NodeId[] {
    const { self, members } = this.options;
    return Array.from(members.all(), ({ id }) => id).filter((id) => id === self || isThere(members, id));
  }
}
