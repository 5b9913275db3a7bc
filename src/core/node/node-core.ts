import { assertNever } from '../assert.js';
import type { ClientCommand } from '../commands.js';
import type { NodeEffect, NodeEvent } from '../effects.js';
import type { Hello } from '../hello.js';
import type { LinkId, NodeId, RequestId } from '../ids.js';
import type { Instant } from '../instant.js';
import { Jobs } from '../jobs/jobs.js';
import type { MemberView } from '../jobs/member-view.js';
import type { Links } from '../links/contract.js';
import { createLinks, type LinksEvent } from '../links/links.js';
import type { MemberRecord, MemberState } from '../member.js';
import {
  createMembership,
  type Membership,
  type MembershipEffect,
  type MembershipEvent,
} from '../membership/membership.js';
import { isMembershipMessage, isWork, type PeerMessage } from '../messages.js';
import { Outbox } from '../outbox.js';
import { createRandom, type Random } from '../random.js';
import { isTopicMessage } from '../topics/topic-messages.js';
import { Topics } from '../topics/topics.js';
import { ClusterRequests } from './cluster-requests.js';
import { Departure } from './departure.js';
import { KnownPeers } from './known-peers.js';
import { MemberNews } from './member-news.js';
import { Namesakes } from './namesakes.js';
import type { NodeCoreOptions } from './node-core-options.js';
import { selfRecord } from './self-record.js';

export type { NodeCoreOptions } from './node-core-options.js';

/**
 * A whole node without its sockets, threads and clocks: an event and a moment in, effects out. The same options and
 * events give the same effects, bit for bit; the daemon and the simulator drive the same one.
 */
export class NodeCore {
  private readonly membership: Membership;
  readonly links: Links;
  readonly jobs: Jobs;
  readonly topics: Topics;
  private readonly cluster: ClusterRequests;
  private readonly departure: Departure;
  private readonly outbox: Outbox;
  private readonly memberNews = new MemberNews();
  private readonly knownPeers: KnownPeers | null;
  private readonly namesakes = new Namesakes(() => this.members());
  /** Links whose peers read more slowly than they are sent to. */
  private readonly congested = new Set<LinkId>();
  private now: Instant = { monotonicMs: 0, wallMs: 0 };

  constructor(private readonly options: NodeCoreOptions) {
    const { id, instance, address } = options;
    const random = createRandom(options.seed);
    this.membership = (options.createMembership ?? createMembership)({
      self: selfRecord(options),
      config: options.membership,
      random: random.fork('membership'),
      numbers: options.numbers ?? null,
    });
    this.links = createLinks({
      self: { id, instance, address },
      seeds: options.seeds,
      knownPeers: options.knownPeers ?? [],
      config: options.links,
      random: random.fork('links'),
      numbers: options.numbers ?? null,
    });
    this.outbox = new Outbox((node, message) => this.linkFor(node, message));
    const { knownPeers = null } = options;
    this.knownPeers =
      knownPeers &&
      new KnownPeers(knownPeers, {
        self: address,
        members: () => this.membership.members().values(),
        keep: (addresses) => this.outbox.push({ type: 'keep_peers', addresses }),
      });
    const members: MemberView = {
      self: () => this.membership.self(),
      get: (node) => this.membership.members().get(node),
      all: () => this.membership.members().values(),
    };
    this.jobs = new Jobs({
      self: id,
      instance,
      config: options.jobs,
      random: random.fork('jobs'),
      outbox: this.outbox,
      members,
      reach: {
        seeksOthers: [...options.seeds, ...(knownPeers ?? [])].some((peer) => peer !== address),
        hasLink: (node) => this.links.linkTo(node) !== null,
        isSparse: () => this.links.isSparse,
        want: (node) => this.runLinks({ type: 'link_wanted', node, purpose: 'work' }),
      },
      ...(options.nextTimeMs === undefined ? {} : { nextTimeMs: options.nextTimeMs }),
      handleOther: (command, asker, now) => this.cluster.handle(command, asker, now),
      journal: options.journal ?? null,
      settled: options.watchOutcome ?? (() => {}),
      journalChanged: (journal) => this.runMembership({ type: 'self_changed', change: { journal } }),
    });
    this.topics = this.createTopics(members, random.fork('topics'));
    this.departure = new Departure({
      drainTimeoutMs: options.drainTimeoutMs,
      jobs: this.jobs,
      outbox: this.outbox,
      drain: (now) => this.setDraining(true, now),
      sayGoodbye: (now) => this.sayGoodbye(now),
    });
    this.cluster = new ClusterRequests({
      options,
      members,
      jobs: this.jobs,
      topics: this.topics,
      linkCount: () => this.links.count(),
      countMembers: () => this.countMembers(),
      setDraining: (draining, now) => this.setDraining(draining, now),
      leave: (now, planned) => this.departure.start(now, planned),
      isLeaving: () => this.departure.isUnderWay,
    });
  }

  private createTopics(members: MemberView, random: Random): Topics {
    const { id, instance, incarnation } = this.options;
    return new Topics({
      self: id,
      instance,
      start: incarnation,
      outbox: this.outbox,
      members,
      random,
      isSparse: () => this.links.isSparse,
    });
  }

  /** The first step: dials the seeds, and lets this node's own executor grant itself room. `known`: members of an earlier start. */
  start(now: Instant, known: readonly MemberRecord[] = []): readonly NodeEffect[] {
    this.now = now;
    this.cluster.start(now);
    this.namesakes.of(this.membership.self());
    if (known.length > 0) this.restore(known.filter(({ id }) => id !== this.options.id));
    this.jobs.start(now);
    return this.step({ type: 'tick', lateMs: 0 }, now);
  }

  step(event: NodeEvent, now: Instant): readonly NodeEffect[] {
    this.now = now;
    switch (event.type) {
      case 'tick':
        this.runMembership({ type: 'tick', lateMs: event.lateMs });
        this.runLinks({ type: 'tick', lateMs: event.lateMs });
        this.jobs.step(event, now);
        this.topics.tick(now);
        this.departure.tick(now);
        this.knownPeers?.tick(now.monotonicMs);
        break;
      case 'message':
        this.handleMessage(event.link, event.message);
        break;
      case 'link_closed':
        this.congested.delete(event.link);
        this.runLinks(event);
        break;
      case 'link_opened':
        this.runLinks(event);
        if (this.congested.size > 0) this.tellPressure(event.hello.node);
        break;
      case 'dial_failed':
        this.runLinks(event);
        break;
      case 'link_pressure': {
        if (event.congested) this.congested.add(event.link);
        else this.congested.delete(event.link);
        const node = this.links.helloOf(event.link)?.node ?? null;
        if (node !== null) this.tellPressure(node);
        break;
      }
      case 'request':
        this.handleRequest(event.request, event.command);
        break;
      case 'attempt_call': {
        const command = this.jobs.calls.begin(event.run, event.request, event.command, now);
        if (command !== null) this.handleRequest(event.request, command);
        break;
      }
      case 'request_abandoned':
        if (!this.topics.abandon(event.request, now)) this.jobs.step(event, now);
        break;
      case 'flush':
        this.jobs.step(event, now);
        this.topics.flush();
        break;
      case 'items_wanted':
      case 'attempt_chunk':
      case 'attempt_started':
      case 'attempt_ended':
      case 'attempt_progress':
      case 'journal_written':
      case 'journal_failed':
      case 'journal_recovered':
        this.jobs.step(event, now);
        break;
      case 'leave':
        this.departure.start(now);
        break;
      case 'tasks_loaded':
        this.runMembership({ type: 'self_changed', change: { tasks: event.tasks } });
        break;
      default:
        assertNever(event);
    }
    return this.outbox.take();
  }

  /** Monotonic; `tick` has something to do from then on. */
  nextDeadlineMs(): number {
    return Math.min(
      this.membership.nextDeadlineMs(),
      this.links.nextDeadlineMs(),
      this.jobs.nextDeadlineMs(),
      this.topics.nextDeadlineMs(),
      this.departure.nextDeadlineMs(),
      this.knownPeers?.nextDeadlineMs() ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Something waits for the end of the turn: a `flush` is due once what has come in is handled. */
  get wantsFlush(): boolean {
    return this.jobs.wantsFlush || this.topics.wantsFlush;
  }

  /** What is alive of clients' work: jobs, copies of others' jobs, and messages for those who subscribe later. */
  get keptBytes(): number {
    return this.jobs.keeping.keptBytes + this.topics.counts().keptBytes;
  }

  self(): MemberRecord {
    return this.membership.self();
  }

  members(): ReadonlyMap<NodeId, MemberRecord> {
    return this.membership.members();
  }

  countMembers(): Record<MemberState, number> {
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
    for (const { state } of this.members().values()) counts[state]++;
    return counts;
  }

  private handleRequest(request: RequestId, command: ClientCommand): void {
    switch (command.type) {
      case 'subscribe':
      case 'publish':
      case 'subscribers':
        return this.topics.request(request, command, this.now);
      default:
        if (this.cluster.handle(command, { type: 'client', request }, this.now)) return;
        this.jobs.step({ type: 'request', request, command }, this.now);
    }
  }

  /** In a sparse mesh, the links that work goes over are kept, and made where they are missing. */
  private linkFor(node: NodeId, message: PeerMessage): LinkId | null {
    const link = this.links.linkTo(node);
    if (!this.links.isSparse || !isWork(message)) return link;
    if (link === null) this.runLinks({ type: 'link_wanted', node, purpose: 'work' });
    else this.links.used(node);
    return link;
  }

  private restore(members: readonly MemberRecord[]): void {
    this.membership.step({ type: 'restored', members }, this.now.monotonicMs);
    for (const member of members) {
      this.options.watch?.(member, null);
      this.namesakes.of(member);
    }
    this.runLinks({ type: 'members_restored', members });
  }

  private handleMessage(link: LinkId, message: PeerMessage): void {
    const hello = this.links.helloOf(link);
    // A link that was not kept may still deliver what was on its way.
    if (hello === null) return;
    const from = hello.node;
    if (this.links.isSparse && isWork(message)) this.links.used(from);
    if (isMembershipMessage(message)) this.runMembership({ type: 'message', from, message });
    else if (this.isOver(hello)) return;
    else if (isTopicMessage(message)) this.topics.handle(from, hello.instance, message, this.now);
    else this.jobs.step({ type: 'message', from, message }, this.now);
  }

  /**
   * A newer process of its node is known, and nobody would ever give up what this one asks. It is heard of membership all the same: if the
   * newer one was another node with a copy of its id, it has to contradict its death.
   */
  private isOver({ node, instance, incarnation }: Hello): boolean {
    const member = this.members().get(node);
    return member !== undefined && member.instance !== instance && member.incarnation > incarnation;
  }

  private runMembership(event: MembershipEvent): void {
    for (const effect of this.membership.step(event, this.now.monotonicMs)) {
      switch (effect.type) {
        case 'send':
          this.outbox.send(effect.to, effect.message);
          break;
        case 'member_changed':
          this.options.watch?.(effect.member, effect.previous);
          this.tellNews(effect);
          this.knownPeers?.changed(this.now.monotonicMs);
          this.runLinks(effect);
          this.jobs.step(effect, this.now);
          this.topics.memberChanged(effect.member, effect.previous, this.now);
          if (this.congested.size > 0) this.tellPressure(effect.member.id);
          break;
        case 'contact_wanted':
          this.runLinks({ type: 'link_wanted', node: effect.node, purpose: 'probe' });
          break;
        case 'contact_doubted': {
          const link = this.links.linkTo(effect.node);
          if (link !== null) this.outbox.push({ type: 'watch_link', link });
          break;
        }
        case 'member_forgotten':
          this.runLinks({ type: 'member_forgotten', node: effect.member.id });
          this.jobs.memberForgotten(effect.member.id);
          this.topics.memberForgotten(effect.member.id);
          break;
        case 'log':
          this.outbox.push(effect);
          break;
        default:
          assertNever(effect);
      }
    }
  }

  private tellNews({ member, previous }: Extract<MembershipEffect, { type: 'member_changed' }>): void {
    if (member.id === this.options.id) return;
    for (const news of this.memberNews.of(member, previous, this.now.monotonicMs)) this.outbox.push(news);
    if (previous !== null && previous.name === member.name) return;
    const news = this.namesakes.newsOf(member);
    if (news !== null) this.outbox.push(news);
  }

  private runLinks(event: LinksEvent): void {
    for (const effect of this.links.step(event, this.now.monotonicMs)) {
      switch (effect.type) {
        case 'contact_opened':
          this.runMembership({ type: 'contact_opened', node: effect.node, hello: effect.hello });
          this.jobs.step({ type: 'contact_opened', node: effect.node }, this.now);
          this.topics.contactOpened(effect.node, this.now);
          this.tellPressure(effect.node);
          break;
        case 'contact_lost':
          this.runMembership({ type: 'contact_lost', node: effect.node, reason: effect.reason });
          this.jobs.step({ type: 'contact_lost', node: effect.node, reason: effect.reason }, this.now);
          this.topics.contactLost(effect.node, this.now);
          break;
        case 'address_taken':
          this.runMembership(effect);
          break;
        case 'dial':
        case 'close_link':
        case 'watch_link':
        case 'fatal':
        case 'log':
          this.outbox.push(effect);
          break;
        default:
          assertNever(effect);
      }
    }
  }

  /** Of two links of a pair, work is sent on one, and only that one's queue says whether there is room for more. */
  private tellPressure(node: NodeId): void {
    const link = this.links.linkTo(node);
    if (link === null) return;
    this.jobs.step({ type: 'pressure', node, congested: this.congested.has(link) }, this.now);
  }

  private setDraining(draining: boolean, now: Instant): void {
    if (this.membership.self().draining === draining) return;
    this.runMembership({ type: 'self_changed', change: { draining } });
    this.jobs.setDraining(draining, now);
  }

  private sayGoodbye(now: Instant): void {
    this.now = now;
    this.topics.endAll();
    this.runMembership({ type: 'leave' });
    this.runLinks({ type: 'leaving' });
  }
}
