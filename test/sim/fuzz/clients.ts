import {
  type ClientCommand,
  defaultSubmitOptions,
  type StreamStart,
  type SubmitCommand,
  type SubmitOptions,
} from '../../../src/core/commands.js';
import type { JobId } from '../../../src/core/ids.js';
import { idOfKey } from '../../../src/core/jobs/submission.js';
import type { Random } from '../../../src/core/random.js';
import type { SimCluster, SimRequest } from '../../../src/sim/sim-cluster.js';
import { type FuzzPlan, pick } from './plan.js';

/** Few keys, so that many submissions meet in one. */
const keyCount = 30;
const lateKeyCount = 3;
const rushCount = 6;
const rushMs = 100;
/** Within this time a key may come twice, by two nodes. */
const twinsMs = 10;
const wholeStream: StreamStart = { room: 1024 * 1024, after: null };
/** Longer than any run. */
const lateMs = 3_600_000;

export interface FuzzClientsOptions {
  readonly plan: FuzzPlan;
  readonly cluster: SimCluster;
  readonly random: Random;
}

/** Clients that send everything there is to send, to any node and at any time, and some that don't wait for the answer. */
export class FuzzClients {
  /** Arguments of all jobs that were asked for. A key's are always the same. */
  readonly argsAsked = new Set<string>();
  /** Those of jobs that are not due before the end of the run. */
  readonly argsLate = new Set<string>();
  private readonly submissions: SimRequest[] = [];
  private readonly isCalm: boolean;
  private readonly watching: Random;
  private rushes = 0;

  constructor(private readonly options: FuzzClientsOptions) {
    this.isCalm = options.plan.weather === 'calm';
    this.watching = options.cluster.random.fork('watching');
  }

  /** Puts all that they will send on the clock. */
  schedule(): void {
    const { plan, cluster, random } = this.options;
    for (let job = 0; job < plan.submissions; job++)
      cluster.time.after(random.next() * plan.clientsMs, () => this.submit(job));
    for (let question = 0; question < plan.questions; question++)
      cluster.time.after(random.next() * plan.clientsMs, () => this.ask());
    if (plan.streams === 0) return;
    for (let watch = 0; watch < plan.questions; watch++)
      cluster.time.after(this.watching.next() * plan.clientsMs, () => this.watch());
  }

  /** Null when nobody listens there. */
  send(name: string, command: ClientCommand): SimRequest | null {
    const { plan, cluster } = this.options;
    const node = cluster.nodes.get(name);
    if (node === undefined || node.status === 'dead') return null;
    // What is asked of a node that has joined nobody is asked of a cluster of its own: in sound weather clients don't.
    if (plan.weather !== 'stormy' && node.core.countMembers().alive < 2) return null;
    return cluster.request(name, command);
  }

  /** Many clients with one key that is new, by all nodes, while news of the members is under way. */
  rush(): void {
    const { cluster, random } = this.options;
    const key = `rush${this.rushes++}`;
    const args = JSON.stringify(key);
    this.argsAsked.add(args);
    for (let client = 0; client < rushCount; client++) {
      const wait = random.below(2) === 0;
      const options = { ...defaultSubmitOptions, key };
      const command: SubmitCommand = { type: 'submit', wait, task: 'echo', args, options };
      cluster.time.after(random.next() * rushMs, () => this.sendSubmission(command));
    }
  }

  /** A job for a certain node, with nothing else to it. */
  submitTo(entry: string, node: string, args: string): void {
    this.argsAsked.add(args);
    const options = { ...defaultSubmitOptions, node };
    this.send(entry, { type: 'submit', wait: false, task: 'echo', args, options });
  }

  /** Those who wait for what is not due go away; the rest waits on. */
  giveUpOnLate(): void {
    const { cluster } = this.options;
    const lateIds = this.lateIds();
    for (const request of cluster.requests) {
      const { command, reply, isAbandoned } = request;
      if (reply !== null || isAbandoned) continue;
      const isLate =
        command.type === 'submit'
          ? this.argsLate.has(String(command.args))
          : 'job' in command && lateIds.has(command.job);
      if (isLate) cluster.abandon(request);
    }
  }

  private submit(job: number): void {
    const { plan, random } = this.options;
    const isLate = job < plan.lateSubmissions;
    const options = isLate ? this.drawLateOptions() : this.drawOptions();
    const args = options.key === null ? String(job) : JSON.stringify(options.key);
    this.argsAsked.add(args);
    if (isLate) this.argsLate.add(args);
    const { key } = options;
    const copies = key !== null && random.below(3) === 0 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const wait = random.below(2) === 0;
      const isFollowed = wait && plan.streams > 0 && this.watching.below(2) === 0;
      const command: SubmitCommand = {
        type: 'submit',
        wait,
        ...(isFollowed && { stream: wholeStream }),
        task: 'echo',
        args,
        options,
      };
      this.options.cluster.time.after(random.next() * twinsMs * copy, () => this.sendSubmission(command));
    }
  }

  private sendSubmission(command: SubmitCommand): void {
    const { plan, random } = this.options;
    const request = this.send(pick(random, plan.names), command);
    if (request === null) return;
    if (!command.wait) this.submissions.push(request);
    if (command.stream !== undefined) this.mayReadSlowly(request);
    this.mayGiveUp(request);
  }

  private drawOptions(): SubmitOptions {
    const { plan, random } = this.options;
    // One node meets all that a job asks for, or it would wait for ever.
    const target = pick(
      random,
      plan.names.filter((name) => name !== plan.doomed && !plan.joiners.includes(name)),
    );
    const oneIn = (count: number): boolean => random.below(count) === 0;
    const key = oneIn(4) ? `k${random.below(keyCount)}` : null;
    // What ends a job early, or forgets it, is for stormy weather: else it runs exactly once.
    const isKept = plan.weather !== 'stormy' && key !== null;
    return {
      ...defaultSubmitOptions,
      priority: random.below(3) - 1,
      delayMs: oneIn(3) ? random.below(3_000) : 0,
      key,
      node: oneIn(6) ? target : null,
      on: oneIn(4) ? [pick(random, plan.tagsOf(target))] : [],
      route: pick(random, ['round-robin', 'least-loaded', 'affinity']),
      affinity: `x${random.below(9)}`,
      timeoutMs: oneIn(4) && !this.isCalm ? 200 + random.below(600) : null,
      retries: random.below(3),
      backoffMs: 100,
      ttlMs: isKept ? null : oneIn(5) ? 0 : oneIn(5) ? 2_000 : null,
    };
  }

  private drawLateOptions(): SubmitOptions {
    const { random } = this.options;
    const key = random.below(2) === 0 ? `late${random.below(lateKeyCount)}` : null;
    return { ...defaultSubmitOptions, delayMs: lateMs, key };
  }

  private lateIds(): Set<JobId> {
    const ids = Array.from({ length: lateKeyCount }, (_, index) => idOfKey(`late${index}`));
    const late = this.submissions.filter(
      ({ command }) => command.type === 'submit' && this.argsLate.has(String(command.args)),
    );
    return new Set([...ids, ...late.flatMap((request) => acknowledgedId(request) ?? [])]);
  }

  private ask(): void {
    const { plan, random } = this.options;
    const request = this.send(pick(random, plan.names), this.drawQuestion());
    if (request !== null) this.mayGiveUp(request);
  }

  /** Follows a job that may have ended long ago, or never was. */
  private watch(): void {
    const { plan } = this.options;
    const job = this.drawJob(this.watching);
    const request = this.send(pick(this.watching, plan.names), { type: 'watch', job, stream: wholeStream });
    if (request === null) return;
    this.mayReadSlowly(request);
    this.mayGiveUp(request, this.watching);
  }

  /** Not at all for a while, and the job waits for it. */
  private mayReadSlowly(request: SimRequest): void {
    if (this.watching.below(3) > 0) return;
    request.isReading = false;
    this.options.cluster.time.after(this.watching.below(4_000), () => this.options.cluster.read(request));
  }

  private drawQuestion(): ClientCommand {
    const { random } = this.options;
    const job = this.drawJob();
    const states = [null, 'done', 'queued', 'running', 'failed'] as const;
    const disturbing: ClientCommand[] = [
      { type: 'cancel', job },
      { type: 'retry', job },
    ];
    return pick<ClientCommand>(random, [
      { type: 'wait', job, timeoutMs: null },
      { type: 'wait', job, timeoutMs: random.below(3_000) },
      { type: 'status', job },
      { type: 'jobs', state: pick(random, states), task: null, limit: 50 },
      { type: pick(random, ['nodes', 'tasks', 'info']) },
      ...(this.isCalm ? [] : disturbing),
    ]);
  }

  /** Mostly one that is there; sometimes one of a key, which may be there or not; sometimes one that never was. */
  private drawJob(random = this.options.random): JobId {
    const known = this.submissions.flatMap((request) => acknowledgedId(request) ?? []);
    if (random.below(20) === 0) return 'nobody000000-nnnnn-1';
    if (random.below(12) === 0) return pick(random, [...this.lateIds()]);
    if (known.length === 0 || random.below(8) === 0) return idOfKey(`k${random.below(keyCount)}`);
    return pick(random, known);
  }

  private mayGiveUp(request: SimRequest, random = this.options.random): void {
    const { cluster } = this.options;
    if (random.below(8) > 0) return;
    cluster.time.after(random.below(2_000), () => {
      if (request.reply === null) cluster.abandon(request);
    });
  }
}

/** The id in the answer to a SUBMIT that was taken. */
export function acknowledgedId({ reply }: SimRequest): JobId | null {
  return reply?.ok === true ? (reply.text.split(' ')[0] as JobId) : null;
}
