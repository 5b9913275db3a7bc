import { assertNever } from '../assert.js';
import type { NodeCommand } from '../commands.js';
import type { NodeId, RunId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { ContactLoss, MemberRecord } from '../member.js';
import type { JobMessage } from '../messages.js';
import type { Reply } from '../reply.js';
import { Asked } from './asked.js';
import { Asks, askedBytes } from './asks.js';
import { countLeftBehind } from './at-stake.js';
import { Calls } from './calls.js';
import type { Debt } from './debts.js';
import { Dispatcher } from './dispatcher.js';
import { EndAcks } from './end-acks.js';
import { Executor } from './executor.js';
import { HeldBack } from './held-back.js';
import { type MessageReceivers, receive } from './job-messages.js';
import type { JobsEvent, JobsOptions } from './jobs-contract.js';
import { Keeping } from './keeping.js';
import type { Ledger } from './ledger.js';
import { isThere } from './member-view.js';
import { Owner } from './owner.js';
import type { Asker, JobState } from './record.js';
import { isRefutation } from './refutation.js';
import { Requests } from './requests.js';
import { Streaming } from './streaming.js';
import { Waits } from './waits.js';

/** The job core: what this node does as an owner, as an executor, and for its clients. Effects go to the outbox. */
export class Jobs {
  readonly ledger: Ledger;
  readonly owner: Owner;
  readonly executor: Executor;
  private readonly dispatcher: Dispatcher;
  private readonly waits: Waits;
  private readonly asks: Asks;
  private readonly asked: Asked;
  readonly streaming: Streaming;
  private readonly receivers: MessageReceivers;
  readonly calls: Calls;
  private readonly requests: Requests;
  readonly keeping: Keeping;
  readonly heldBack: HeldBack;
  private readonly acks = new EndAcks((to, seq) => this.deliver(to, { type: 'ran_ack', seq }));
  /** Who asks a node that is about to leave doesn't keep it: only what it was asked before is waited for. */
  private askedBeforeDraining = 0;
  private now: Instant = { monotonicMs: 0, wallMs: 0 };

  constructor(private readonly options: JobsOptions) {
    const { self, instance, config, random, outbox, members, reach } = options;
    const deliver = (to: NodeId, message: JobMessage): void => this.deliver(to, message);
    const answer = (asker: Asker, reply: Reply): void => this.answer(asker, reply);
    const now = (): Instant => this.now;
    const shared = { self, instance, config, random, outbox, members, reach, deliver, answer, now };
    this.waits = new Waits(answer);
    this.asks = new Asks({
      ...shared,
      nameOf: (node) => members.get(node)?.name ?? node,
      isPresent: (node) => isThere(members, node),
      hasContact: (node) => this.dispatcher.hasContact(node),
    });
    this.asked = new Asked({
      deliver,
      abandoned: (node, seq) => this.abandon({ type: 'peer', node, seq }),
      over: (node, seq) => this.streaming.items.close({ type: 'peer', node, seq }),
    });
    this.streaming = new Streaming({ ...shared, wantedElsewhere: (asker) => this.requests.wanted(asker) });
    const { waits, asks } = this;
    const { items, streams } = this.streaming;
    this.keeping = new Keeping({
      ...shared,
      waits,
      asks,
      journal: options.journal,
      journalChanged: options.journalChanged,
      dispatcher: () => this.dispatcher,
      owner: () => this.owner,
      moved: (record, waiters, now) =>
        this.requests.aboutJobs.moved(record, [...waiters, ...streams.take(record)], now),
    });
    const { keeping } = this;
    const { ledger, placement, replicator } = keeping;
    this.ledger = ledger;
    ledger.changed = (record) => streams.recordChanged(record);
    this.dispatcher = new Dispatcher({
      ...shared,
      ledger,
      streams,
      members: () => members.all(),
      random: random.fork('reach'),
      announce: (record) => this.owner.announce(record),
    });
    this.heldBack = this.createHeldBack();
    const { dispatcher, heldBack } = this;
    const owned = { ...shared, ledger, dispatcher, waits, streams, items, heldBack, replicator, placement };
    this.owner = new Owner({
      ...owned,
      settled: options.settled,
      handed: (record) => keeping.handOver.handed(record, this.now),
    });
    const offersTask = (task: string): boolean => members.self().tasks.some(({ name }) => name === task);
    const over = (run: RunId): void => this.calls.attemptOver(run, this.now);
    this.executor = new Executor({
      ...shared,
      offersTask,
      knowsEnd: (...of) => keeping.knowsEnd(...of),
      over,
    });
    this.requests = new Requests({ ...owned, owner: this.owner, asks, keeping });
    const { owner, executor, asked, acks, streaming } = this;
    const request = this.request.bind(this);
    this.calls = new Calls({ ...owned, executor, request, abandon: this.abandon.bind(this) });
    const ask = this.handleAsk.bind(this);
    this.receivers = { self, owner, executor, dispatcher, keeping, asks, asked, acks, streaming, ask };
  }

  private createHeldBack(): HeldBack {
    const { keeping, ledger } = this;
    return new HeldBack({
      ...this.options,
      ledger,
      placement: keeping.placement,
      nextTimeMs: this.options.nextTimeMs ?? (() => null),
      request: (command, asker, now) => this.requests.handle(command, asker, now),
      abandoned: (asker) => this.requests.abandon(asker),
      mayComeBack: (now) => keeping.absent.any(now) !== null,
      released: (record, now) => this.owner.letStart(record, now),
      failed: (record, error, now) => this.owner.failHeldBack(record, error, now),
      changed: (record) => keeping.replicator.changed(record),
    });
  }

  /** The first step: what the journal had is looked at again, since others may have gone on with it. */
  start(now: Instant): void {
    this.now = now;
    this.keeping.start(now);
    this.contactOpened(this.options.self);
  }

  step(event: JobsEvent, now: Instant): void {
    this.now = now;
    this.handle(event, now);
    this.heldBack.followUp(now);
    this.streaming.streams.tellChanges();
  }

  private handle(event: JobsEvent, now: Instant): void {
    switch (event.type) {
      case 'tick':
        this.keeping.noteLate(event.lateMs, now);
        return this.tick(now);
      case 'flush':
        return this.keeping.flush();
      case 'journal_written':
      case 'journal_failed':
      case 'journal_recovered':
        return this.keeping.handleJournal(event, now);
      case 'request':
        return this.request(event.command, { type: 'client', request: event.request }, now);
      case 'request_abandoned':
        return this.abandon({ type: 'client', request: event.request });
      case 'items_wanted':
        return this.streaming.wanted({ type: 'client', request: event.request }, event.upTo);
      case 'message':
        return this.handleMessage(event.from, event.message, now);
      case 'contact_opened':
        return this.contactOpened(event.node);
      case 'contact_lost':
        return this.contactLost(event.node, event.reason, now);
      case 'pressure':
        return this.dispatcher.pressure(event.node, event.congested, now);
      case 'member_changed':
        return this.memberChanged(event.member, event.previous, now);
      case 'attempt_started':
        return this.executor.attemptStarted(event.run, now);
      case 'attempt_ended':
        return this.executor.attemptEnded(event.run, event.outcome, now);
      case 'attempt_progress':
        return this.executor.attemptProgress(event.run, event.value);
      case 'attempt_chunk':
        return this.executor.attemptChunk(event.run, event.chunk);
      default:
        assertNever(event);
    }
  }

  nextDeadlineMs(): number {
    if (this.wantsFlush || this.streaming.streams.hasChanges) return Number.NEGATIVE_INFINITY;
    const startsMs = this.owner.nextDeadlineMs();
    const moreWaiting = this.dispatcher.hasManyWaiting
      ? this.now.monotonicMs + this.options.config.aheadMs
      : startsMs;
    return Math.min(
      startsMs,
      this.dispatcher.unreached.nextDeadlineMs(),
      moreWaiting,
      this.keeping.nextDeadlineMs(),
      this.waits.nextExpiryMs(),
      this.asks.nextDeadlineMs(),
      this.asked.nextDeadlineMs(),
      this.requests.nextDeadlineMs(),
      this.heldBack.nextDeadlineMs(),
      this.executor.nextDeadlineMs(),
      this.acks.nextDeadlineMs(),
      this.streaming.streams.nextDeadlineMs(),
    );
  }

  /** Something waits for the end of the turn. */
  get wantsFlush(): boolean {
    return this.keeping.wantsFlush;
  }

  setDraining(draining: boolean, now: Instant): void {
    this.now = now;
    this.executor.setDraining(draining, now);
    this.keeping.handOver.setDraining(draining, now);
    this.askedBeforeDraining = this.asks.nextNumber;
  }

  /** Whether anything that this node has or owns may still end, or start, by then. */
  hasWorkUntil(monotonicMs: number): boolean {
    return (
      !this.executor.isEmpty() ||
      this.ledger.counts.running > 0 ||
      this.keeping.handOver.handingCount > 0 ||
      this.dispatcher.hasRunnable() ||
      this.asks.hasBefore(this.askedBeforeDraining) ||
      this.owner.nextStartMs() <= monotonicMs
    );
  }

  /** Jobs of this node that end with it if it ends then, as nodes are now: whoever could own them is given all. */
  leftBehind(monotonicMs: number): { readonly journaled: number; readonly lost: number } {
    if (this.keeping.handOver.hasHeirs) return { journaled: 0, lost: 0 };
    return countLeftBehind(this.ledger, this.dispatcher, [...this.options.members.all()], monotonicMs);
  }

  /** Gives what this node still owns to other nodes. True while some of it is on its way. */
  handOverAll(now: Instant): boolean {
    this.now = now;
    this.keeping.handOver.begin(now, { onlyDurable: false, running: true });
    return this.keeping.handOver.handingCount > 0;
  }

  /** Answers to other nodes so far. */
  get answerCount(): number {
    return this.asked.answerCount;
  }

  /** Whether one of the first `count` of these has not arrived there. */
  hasAnswersOnTheWay(count: number): boolean {
    return this.asked.hasAnswers(count);
  }

  /** The node is about to end: everybody who still waits here is told. */
  tellWaiting(now: Instant): void {
    this.now = now;
    const why = `node ${this.options.members.self().name} leaves`;
    this.waits.failAll(why);
    this.streaming.streams.failAll(why);
    this.requests.failAll(why);
    this.asks.failAll(why, now);
  }

  /** Has another node answer a request that is not about a job. */
  passOn(to: NodeId, command: NodeCommand, asker: Asker, now: Instant): void {
    this.requests.passOn(to, command, asker, now);
  }

  /** Jobs of this node in a state, for `JOBS` and metrics. */
  counts(): Readonly<Record<JobState, number>> {
    return this.ledger.counts;
  }

  private tick(now: Instant): void {
    this.owner.tick(now);
    this.keeping.tick(now);
    this.waits.expire(now.monotonicMs);
    this.asks.tick(now);
    this.asked.tick(now);
    this.requests.tick(now);
    this.heldBack.tick(now);
    this.executor.tick(now);
    this.acks.tick(now);
    this.streaming.streams.tick(now);
  }

  private handleMessage(from: NodeId, message: JobMessage, now: Instant): void {
    receive(this.receivers, from, message, now);
  }

  private handleAsk(from: NodeId, message: Extract<JobMessage, { type: 'ask' }>, now: Instant): void {
    if (!this.asked.take(from, message)) return;
    const { seq, command } = message;
    const asker: Asker = { type: 'peer', node: from, seq };
    const isOwn = command.type === 'claim' || command.type === 'inquire';
    this.streaming.begin(command, asker);
    if (isOwn || !this.options.handleOther(command, asker, now)) this.requests.handleAsk(command, asker, now);
    this.asked.taken(from, seq, askedBytes(command), now);
  }

  private memberChanged(member: MemberRecord, previous: MemberRecord | null, now: Instant): void {
    const isGone = member.state === 'dead' || member.state === 'left';
    const wasGone = previous === null || previous.state === 'dead' || previous.state === 'left';
    const hasRestarted = previous !== null && previous.instance !== member.instance;
    this.keeping.membersChanged(now);
    // Who was taken for dead and contradicts may have lost its jobs to others.
    if (member.id === this.options.self && previous !== null && isRefutation(member, previous))
      this.keeping.standStill(now);
    if (member.id !== this.options.self && ((isGone && !wasGone) || hasRestarted)) {
      this.acks.delete(member.id);
      this.executor.ownerGone(member.id, now);
      this.asked.forget(member.id);
      this.asks.nodeGone(member.id, now);
      this.keeping.processGone(member, this.dispatcher.hasBroken(member.id) || hasRestarted, now);
      this.owner.ends.executorGone(member.id, member.name, isGone ? member.state : 'restarted', now);
      this.requests.aboutJobs.nodeLost(now);
      // A new instance may have a link already; it starts from nothing, and is told so.
      if (!isGone && this.options.reach.hasLink(member.id)) this.contactOpened(member.id);
    } else if (member.id !== this.options.self && wasGone && !isGone) {
      // Also one that was gone for so long that it had been forgotten.
      this.keeping.nodeBack(member.id, now);
      // It was only silent, and its link may have lived on: what was forgotten at its death is asked for anew, both ways.
      if (previous !== null && this.options.reach.hasLink(member.id)) this.contactOpened(member.id);
    }
    this.dispatcher.membersChanged(member, previous === null, now);
  }

  /**
   * A link can break and be replaced with only one end noticing the gap, so each end both asks what it needs to know and
   * lets the other one ask.
   */
  private contactOpened(node: NodeId): void {
    this.dispatcher.resync(node);
    if (node === this.options.self) return;
    this.streaming.streams.contactOpened(node);
    this.keeping.replicator.contactOpened(node);
    this.deliver(node, { type: 'resync_wanted' });
    this.asks.contactOpened(node, this.now);
  }

  /** Of a stranger, or of a member that is gone, nothing is kept: no death of it would ever clear it away. */
  private contactLost(node: NodeId, reason: ContactLoss, now: Instant): void {
    this.dispatcher.contactLost(node, reason, now);
    const hasEnds = this.executor.contactLost(node);
    this.asks.contactLost(node, now);
    this.streaming.streams.contactLost(node, now);
    this.keeping.replicator.contactLost(node);
    const { reach } = this.options;
    if (reach.isSparse() && (hasEnds || this.asks.waitsFor(node))) reach.want(node);
    const state = this.options.members.get(node)?.state;
    if (node === this.options.self || state === 'alive' || state === 'suspect') return;
    this.acks.delete(node);
    this.executor.ownerGone(node, now);
    this.asked.forget(node);
    this.asks.nodeGone(node, now);
    if (state === undefined) this.memberForgotten(node);
    this.dispatcher.forgetStranger(node);
  }

  /** It was gone for so long that nobody expects it back, or was none at all. */
  memberForgotten(node: NodeId): void {
    this.keeping.forgetNode(node);
  }

  private request(command: NodeCommand, asker: Asker, now: Instant): void {
    this.streaming.begin(command, asker);
    this.requests.handle(command, asker, now);
  }

  private abandon(asker: Asker): void {
    this.requests.abandon(asker);
    this.streaming.abandon(asker);
  }

  /** A message to a peer, or straight to this node's own half. */
  private deliver(to: NodeId, message: JobMessage): void {
    if (to === this.options.self) this.handleMessage(to, message, this.now);
    else this.options.outbox.send(to, message);
  }

  /** To a client of this node, or to the node that asked for one of its own. */
  answer(asker: Asker, reply: Reply): void {
    if (asker.type === 'client') {
      this.streaming.items.close(asker);
      this.calls.over(asker.request);
      this.options.outbox.reply(asker.request, reply);
    } else if (asker.type === 'peer')
      this.asked.answer(asker.node, asker.seq, reply, this.streaming.items.countOf(asker));
    else if (asker.type === 'own') this.heldBack.handleAnswer(asker.seq, reply);
  }

  /** All that this node keeps now for what is not over, for checkers. */
  debts(): Debt[] {
    const { owner, dispatcher, executor, waits, asks, asked, requests, acks, heldBack, keeping } = this;
    const parts = [owner, dispatcher, executor, waits, asks, asked, requests, acks, heldBack, keeping];
    return [...parts, this.streaming].flatMap((part) => part.debts());
  }
}
