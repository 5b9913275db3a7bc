import type { NodeCommand, SubmitOptions } from '../../src/core/commands.js';
import type { AttemptStart, NodeEffect } from '../../src/core/effects.js';
import type { Instant } from '../../src/core/instant.js';
import type { Item } from '../../src/core/item.js';
import { defaultJobsConfig, type JobsConfig } from '../../src/core/jobs/config.js';
import { Jobs } from '../../src/core/jobs/jobs.js';
import type { JobsEvent } from '../../src/core/jobs/jobs-contract.js';
import { fullReach } from '../../src/core/jobs/reach.js';
import type { AttemptOutcome } from '../../src/core/jobs/record.js';
import type { MemberRecord } from '../../src/core/member.js';
import { Outbox } from '../../src/core/outbox.js';
import { createRandom } from '../../src/core/random.js';
import type { Reply } from '../../src/core/reply.js';
import { nextTimeMs } from '../../src/protocol/cron.js';
import { submitCommand } from './commands.js';

/** A member that is alive and offers `echo`; the name is the id without its padding. */
export function aliveMember(name: string, change: Partial<MemberRecord> = {}): MemberRecord {
  return {
    id: nodeId(name),
    name,
    instance: 'aaaaa',
    incarnation: 1,
    state: 'alive',
    address: `127.0.0.1:${7000 + name.charCodeAt(0)}`,
    client: `127.0.0.1:${8000 + name.charCodeAt(0)}`,
    tags: [],
    tasks: [{ name: 'echo' }],
    draining: false,
    ...change,
  };
}

/** `a` becomes `a00000000000`. */
export function nodeId(name: string): string {
  return name.padEnd(12, '0');
}

export interface JobCoresOptions {
  readonly members: readonly MemberRecord[];
  readonly config?: Partial<JobsConfig>;
}

/**
 * Job cores of several nodes in virtual time. Messages arrive at once and in order, unless the link between two nodes
 * is cut; attempts wait in `started` until a test ends them.
 */
export class JobCores {
  readonly started: { on: string; start: AttemptStart }[] = [];
  readonly stopped: { on: string; run: number; reason: string }[] = [];
  readonly replies = new Map<number, Reply>();
  /** What requests were told before their replies. */
  readonly items: { readonly request: number; readonly item: Item }[] = [];
  /** The room that executors have given to what runs there, in order. */
  readonly rooms: { readonly run: number; readonly upTo: number }[] = [];
  /** Every message that was sent, as `a>b type`. */
  readonly sent: string[] = [];
  now: Instant = { monotonicMs: 1_000, wallMs: 1_700_000_000_000 };
  private readonly cores = new Map<string, Jobs>();
  private readonly outboxes = new Map<string, Outbox>();
  private readonly members: Map<string, MemberRecord>;
  private readonly cut = new Set<string>();
  private readonly dead = new Set<string>();
  private readonly pending: { from: string; to: string; effect: Extract<NodeEffect, { type: 'send' }> }[] =
    [];
  private readonly lossy: { from: string; to: string }[] = [];
  private losing: { from: string; to: string; type: string } | null = null;
  private nextRequest = 1;

  constructor(private readonly options: JobCoresOptions) {
    const { members } = options;
    this.members = new Map(members.map((member) => [member.id, member]));
    for (const self of members) {
      // Link numbers stand for nodes here: the place of the node in the list.
      const outbox = new Outbox((to) =>
        this.isCut(self.id, to) || !this.members.has(to) ? null : members.findIndex(({ id }) => id === to),
      );
      this.outboxes.set(self.id, outbox);
      this.cores.set(self.id, this.newCore(self, outbox));
    }
    for (const a of members)
      for (const b of members) this.step(a.name, { type: 'contact_opened', node: b.id });
  }

  private newCore(self: MemberRecord, outbox: Outbox): Jobs {
    return new Jobs({
      self: self.id,
      instance: self.instance,
      config: { ...defaultJobsConfig, copies: 1, ...this.options.config },
      journal: null,
      journalChanged: () => {},
      settled: () => {},
      random: createRandom(self.id),
      outbox,
      reach: fullReach,
      nextTimeMs,
      handleOther: () => false,
      members: {
        self: () => this.members.get(self.id) as MemberRecord,
        get: (id) => this.members.get(id),
        all: () => this.members.values(),
      },
    });
  }

  core(name: string): Jobs {
    return this.cores.get(nodeId(name)) as Jobs;
  }

  /** One event at one node, and everything that follows from it. */
  step(name: string, event: JobsEvent): void {
    const id = nodeId(name);
    if (this.dead.has(id)) return;
    const core = this.core(name);
    core.step(event, this.now);
    if (core.wantsFlush) core.step({ type: 'flush' }, this.now);
    this.collect(id);
    this.deliver();
  }

  /** Sends a client's command to a node; the reply, once there is one, is `replies.get(number)`. */
  request(name: string, command: NodeCommand): number {
    const request = this.nextRequest++;
    this.step(name, { type: 'request', request, command });
    return request;
  }

  /** Submits and gives the id. */
  submit(
    name: string,
    options: Partial<SubmitOptions> = {},
    change: { task?: string; args?: string } = {},
  ): string {
    const reply = this.replies.get(this.request(name, submitCommand(options, change)));
    if (reply?.ok !== true) throw new Error(`not accepted: ${JSON.stringify(reply)}`);
    return reply.text.split(' ')[0] as string;
  }

  status(name: string, job: string): Record<string, unknown> {
    const reply = this.replies.get(this.request(name, { type: 'status', job }));
    if (reply?.ok !== true) throw new Error(`no status: ${JSON.stringify(reply)}`);
    return JSON.parse(reply.text) as Record<string, unknown>;
  }

  /** Begins the oldest attempt that waits (on that node, if one is named), as a scheduler does when it has a free slot. */
  begin(on?: string): { on: string; start: AttemptStart } {
    const index = this.started.findIndex((entry) => on === undefined || entry.on === on);
    const [entry] = this.started.splice(index, 1);
    if (index < 0 || entry === undefined) throw new Error('nothing was started');
    this.step(entry.on, { type: 'attempt_started', run: entry.start.run });
    return entry;
  }

  end(
    entry: { on: string; start: AttemptStart },
    outcome: AttemptOutcome = { type: 'done', result: '1' },
  ): void {
    this.step(entry.on, { type: 'attempt_ended', run: entry.start.run, outcome });
  }

  /** Ends attempts as they come, until none is left; says where each ran. */
  runAll(): string[] {
    const ranOn: string[] = [];
    while (this.started.length > 0) {
      const entry = this.begin();
      ranOn.push(entry.on);
      this.end(entry);
    }
    return ranOn;
  }

  pass(ms: number): void {
    const endMs = this.now.monotonicMs + ms;
    while (this.now.monotonicMs < endMs) {
      const stepMs = Math.min(10, endMs - this.now.monotonicMs);
      this.now = { monotonicMs: this.now.monotonicMs + stepMs, wallMs: this.now.wallMs + stepMs };
      for (const { name } of this.members.values()) this.step(name, { type: 'tick', lateMs: 0 });
    }
  }

  /** A while in which nothing happens but at its end, as on machines that sleep; the wall clock may be set on the way. */
  leap(ms: number, wallMs = ms): void {
    this.now = { monotonicMs: this.now.monotonicMs + ms, wallMs: this.now.wallMs + wallMs };
    for (const { name } of this.members.values()) this.step(name, { type: 'tick', lateMs: 0 });
  }

  /** A change that every node's membership has learnt. */
  changeMember(name: string, change: Partial<MemberRecord>): void {
    const previous = this.members.get(nodeId(name)) as MemberRecord;
    const member = { ...previous, ...change };
    this.members.set(member.id, member);
    // Another instance is another process, which knows nothing.
    const hasRestarted = member.instance !== previous.instance;
    if (hasRestarted) this.cores.set(member.id, this.newCore(member, this.outboxes.get(member.id) as Outbox));
    for (const other of this.members.values())
      this.step(other.name, { type: 'member_changed', member, previous });
    if (hasRestarted)
      for (const { id } of this.members.values()) this.step(name, { type: 'contact_opened', node: id });
  }

  /** It was gone for so long that no membership knows it any more. */
  forgetMember(name: string): void {
    this.dead.add(nodeId(name));
    this.members.delete(nodeId(name));
    for (const { id } of this.members.values()) this.cores.get(id)?.memberForgotten(nodeId(name));
  }

  /** The next message from one node to another is lost, as on a link that breaks. */
  loseNext(from: string, to: string): void {
    this.lossy.push({ from: nodeId(from), to: nodeId(to) });
  }

  /** Every message of this type from one node to another is lost from now on; null ends it. */
  loseAll(from: string, to: string, type: string | null): void {
    this.losing = type === null ? null : { from: nodeId(from), to: nodeId(to), type };
  }

  /** The process ends, and with it its links. */
  kill(name: string): void {
    this.dead.add(nodeId(name));
    for (const other of this.members.values())
      this.step(other.name, { type: 'contact_lost', node: nodeId(name), reason: 'reset' });
    this.changeMember(name, { state: 'dead' });
  }

  cutLink(a: string, b: string): void {
    this.cut.add(pairOf(nodeId(a), nodeId(b)));
    this.step(a, { type: 'contact_lost', node: nodeId(b), reason: 'reset' });
    this.step(b, { type: 'contact_lost', node: nodeId(a), reason: 'reset' });
  }

  healLink(a: string, b: string): void {
    this.cut.delete(pairOf(nodeId(a), nodeId(b)));
    this.step(a, { type: 'contact_opened', node: nodeId(b) });
    this.step(b, { type: 'contact_opened', node: nodeId(a) });
  }

  private collect(id: string): void {
    const name = (this.members.get(id) as MemberRecord).name;
    for (const effect of (this.outboxes.get(id) as Outbox).take()) {
      if (effect.type === 'start_attempt') this.started.push({ on: name, start: effect });
      else if (effect.type === 'stop_attempt')
        this.stopped.push({ on: name, run: effect.run, reason: effect.reason });
      else if (effect.type === 'reply') this.replies.set(effect.request, effect.reply);
      else if (effect.type === 'item') this.items.push(effect);
      else if (effect.type === 'chunk_room') this.rooms.push(effect);
      else if (effect.type === 'send') this.pending.push({ from: id, to: this.idAt(effect.link), effect });
    }
  }

  private deliver(): void {
    for (let next = this.pending.shift(); next !== undefined; next = this.pending.shift()) {
      const { from, to, effect } = next;
      this.sent.push(`${from[0]}>${to[0]} ${effect.message.type}`);
      if (this.dead.has(to) || this.isCut(from, to) || this.isLost(from, to, effect.message.type)) continue;
      const core = this.cores.get(to) as Jobs;
      core.step({ type: 'message', from, message: effect.message } as JobsEvent, this.now);
      this.collect(to);
    }
  }

  private idAt(link: number): string {
    return [...this.cores.keys()][link] as string;
  }

  private isLost(from: string, to: string, type: string): boolean {
    if (this.losing?.from === from && this.losing.to === to && this.losing.type === type) return true;
    const index = this.lossy.findIndex((loss) => loss.from === from && loss.to === to);
    if (index >= 0) this.lossy.splice(index, 1);
    return index >= 0;
  }

  private isCut(a: string, b: string): boolean {
    return this.cut.has(pairOf(a, b));
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a}/${b}` : `${b}/${a}`;
}
