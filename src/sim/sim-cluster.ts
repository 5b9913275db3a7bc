import { Packr } from 'msgpackr';
import type { ClientCommand, SubmitCommand } from '../core/commands.js';
import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId } from '../core/ids.js';
import { type Item, itemBytes } from '../core/item.js';
import { defaultJobsConfig, type JobsConfig } from '../core/jobs/config.js';
import { limits } from '../core/limits.js';
import { defaultLinksConfig, type LinksConfig } from '../core/links/config.js';
import type { MemberState, Tags, TaskOffer } from '../core/member.js';
import { defaultMembershipConfig, type MembershipConfig } from '../core/membership/config.js';
import type { NodeCoreOptions } from '../core/node/node-core.js';
import { createRandom, hashText, type Random } from '../core/random.js';
import type { Reply } from '../core/reply.js';
import type { SimHooks } from './sim-hooks.js';
import type { SimJournalDisk } from './sim-journal.js';
import { SimNetwork, type SimNetworkOptions } from './sim-network.js';
import { SimNode, type SimObserver } from './sim-node.js';
import { type Fate, type HandlerWeights, obedientHandlers } from './sim-threads.js';
import { SimTime } from './sim-time.js';

export interface SimClusterOptions {
  /** The same seed and the same calls give the same run, bit for bit. */
  readonly seed: string;
  /** No trace hash: it writes every effect down as text, which costs more than most steps. */
  readonly skipsTrace?: boolean;
  readonly network?: Partial<SimNetworkOptions>;
  readonly jobs?: Partial<JobsConfig>;
  readonly links?: Partial<LinksConfig>;
  readonly membership?: Partial<MembershipConfig>;
  readonly runMs?: readonly [min: number, max: number];
  /** How handlers go; they all obey and end well unless this says otherwise. */
  readonly handlers?: Partial<HandlerWeights>;
  /** How this attempt goes; null: as is drawn. */
  readonly fateOf?: (start: AttemptStart) => Fate | null;
  /** The part of attempts that report progress. */
  readonly progress?: number;
  /** The part of attempts that yield chunks. */
  readonly streams?: number;
  /** Characters of a chunk, at most. */
  readonly chunkLengthMax?: number;
  readonly tagsOf?: (name: string) => Tags;
  /** Sees everything that happens to any node, and then all that it does. */
  readonly watch?: SimWatch;
  readonly hooks?: readonly SimHooks[];
  /** Journals say that a write is on disk before it is. */
  readonly skipsSync?: boolean;
}

/** What a node starts with that differs from the others. */
export interface SimStartOthers extends Partial<NodeCoreOptions> {
  readonly starts?: number;
  /** Its journal's disk, kept from start to start; null: it has none. */
  readonly disk?: SimJournalDisk | null;
  /** Its process before was killed, or its machine lost its power. */
  readonly isAfterCrash?: boolean;
}

/** Bytes as they are: as JSON those of large items would take longer than the run. */
const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false });

/** Who watches a whole run. */
export interface SimWatch {
  arrived(node: SimNode, event: NodeEvent): void;
  performed(node: SimNode, effect: NodeEffect): void;
}

/** A client's request, from its sending on. */
export interface SimRequest {
  readonly node: string;
  readonly command: ClientCommand;
  /** The instance of the node that it was sent to. */
  readonly askedOf: SimNode;
  readonly askedAtMs: number;
  /** From 1. */
  readonly number: number;
  reply: Reply | null;
  answeredAtMs: number | null;
  /** Its client has gone. */
  isAbandoned: boolean;
  /** What it was told before the reply; of one that streams. */
  readonly items: Item[];
  itemBytes: number;
  /** Its client reads what it is told. */
  isReading: boolean;
}

/** Nodes that run the real cores over a simulated network, with simulated threads and clock. */
export class SimCluster implements SimObserver {
  readonly time = new SimTime();
  readonly network: SimNetwork;
  readonly random: Random;
  readonly nodes = new Map<string, SimNode>();
  /** Every attempt that was started, in order. */
  readonly attempts: { readonly on: string; readonly start: AttemptStart }[] = [];
  readonly requests: SimRequest[] = [];
  /** Changes with everything that any node does: two runs with the same hash were the same. */
  traceHash = 0;

  constructor(private readonly options: SimClusterOptions) {
    this.random = createRandom(options.seed);
    this.network = new SimNetwork(
      this.time,
      this.random.fork('network'),
      { delayMs: [0.2, 3], loss: 0, ...options.network },
      (address) => this.nodes.get(address.replace(/:1$/, '')),
    );
  }

  /** Starts a node, or starts it again; it joins by the node called `a`. */
  start(
    name: string,
    tasks: readonly TaskOffer[] = [{ name: 'echo' }],
    { disk = null, isAfterCrash = false, ...others }: SimStartOthers = {},
  ): SimNode {
    const starts = others.starts ?? (this.nodes.get(name)?.starts ?? 0) + 1;
    const id = name.padEnd(12, '0');
    const instance = `${name}${starts}`.padEnd(5, '0');
    const node = new SimNode(
      name,
      starts,
      {
        id,
        name,
        instance,
        cluster: 'sim',
        version: '0',
        address: `${name}:1`,
        client: `${name}:2`,
        tags: this.options.tagsOf?.(name) ?? [],
        tasks,
        seeds: name === 'a' ? [] : ['a:1'],
        membership: { ...defaultMembershipConfig, ...this.options.membership },
        links: { ...defaultLinksConfig, ...this.options.links },
        jobs: { ...defaultJobsConfig, ...this.options.jobs },
        drainTimeoutMs: 5_000,
        seed: `${this.options.seed}/${instance}`,
        ...others,
      },
      {
        time: this.time,
        network: this.network,
        random: this.random.fork(`${name}${starts}`),
        observer: this,
        runMs: this.options.runMs ?? [1, 50],
        handlers: { ...obedientHandlers, ...this.options.handlers },
        progress: this.options.progress ?? 0,
        streams: this.options.streams ?? 0,
        chunkLengthMax: this.options.chunkLengthMax,
        hooks: this.options.hooks ?? [],
        disk,
        skipsSync: this.options.skipsSync ?? false,
        isAfterCrash,
        fateOf: this.options.fateOf,
      },
    );
    this.nodes.set(name, node);
    node.start();
    return node;
  }

  /** Starts nodes a, b, c, ... and runs until all know all. */
  startAll(count: number): string[] {
    const names = [...'bcdefghijklmnop'].slice(0, count - 1);
    for (const name of ['a', ...names]) this.start(name);
    this.runUntil('all nodes know all', () => this.agree(), 5_000);
    return ['a', ...names];
  }

  node(name: string): SimNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  request(node: string, command: ClientCommand): SimRequest {
    const request: SimRequest = {
      node,
      command,
      askedOf: this.node(node),
      askedAtMs: this.time.nowMs,
      number: this.requests.length + 1,
      reply: null,
      answeredAtMs: null,
      isAbandoned: false,
      items: [],
      itemBytes: 0,
      isReading: true,
    };
    this.requests.push(request);
    request.askedOf.arrive({ type: 'request', request: request.number, command });
    return request;
  }

  /** Submits a job, and runs until its client is told that it is kept. Returns its id. */
  submit(node: string, command: SubmitCommand): JobId {
    const { reply } = this.requestUntilAnswered(node, { ...command, wait: false });
    if (reply?.ok !== true) throw new Error(`not accepted: ${JSON.stringify(reply)}`);
    return reply.text.split(' ')[0] as JobId;
  }

  /** The client reads all that it was told, or again. */
  read(request: SimRequest): void {
    request.isReading = true;
    const upTo = request.itemBytes + limits.itemWindowBytes;
    if (request.reply === null && !request.isAbandoned)
      request.askedOf.arrive({ type: 'items_wanted', request: request.number, upTo });
  }

  private requestUntilAnswered(node: string, command: ClientCommand): SimRequest {
    const request = this.request(node, command);
    this.runUntil('a job is kept', () => request.reply !== null, 1_000);
    return request;
  }

  /** The client closes its connection before the answer is there. */
  abandon(request: SimRequest): void {
    request.isAbandoned = true;
    request.askedOf.arrive({ type: 'request_abandoned', request: request.number });
  }

  runFor(durationMs: number): void {
    this.time.runFor(durationMs);
  }

  /** Milliseconds it took; throws with the seed when it doesn't come within the limit. */
  runUntil(description: string, condition: () => boolean, limitMs: number): number {
    const tookMs = this.time.runUntil(condition, limitMs);
    if (tookMs === null) {
      throw new Error(
        `seed ${this.options.seed}: not within ${limitMs} ms: ${description}\n${this.describe()}`,
      );
    }
    return tookMs;
  }

  running(): SimNode[] {
    return [...this.nodes.values()].filter(({ status }) => status === 'running');
  }

  /** Whether every running node sees exactly the running ones as alive. */
  agree(): boolean {
    const running = this.running();
    return running.every((seer) => {
      const alive = [...seer.core.members().values()].filter(({ state }) => state === 'alive');
      return (
        alive.length === running.length &&
        running.every((seen) => alive.some(({ instance }) => instance === seen.hello().instance))
      );
    });
  }

  stateOf(name: string, seenBy: string): MemberState | undefined {
    return this.node(seenBy).core.members().get(name.padEnd(12, '0'))?.state;
  }

  attemptStarted(on: string, start: AttemptStart): void {
    this.attempts.push({ on, start });
  }

  told(_: string, request: number, item: Item): void {
    const asked = this.requests[request - 1];
    if (asked === undefined || asked.reply !== null)
      throw new Error(`request ${request} is told of after its answer`);
    asked.items.push(item);
    asked.itemBytes += itemBytes(item);
    if (asked.isReading) this.time.after(0, () => this.read(asked));
  }

  replied(_: string, request: number, reply: Reply): void {
    const asked = this.requests[request - 1];
    if (asked === undefined || asked.reply !== null) throw new Error(`request ${request} is answered twice`);
    asked.reply = reply;
    asked.answeredAtMs = this.time.nowMs;
  }

  arrived(node: string, event: NodeEvent): void {
    this.options.watch?.arrived(this.node(node), event);
  }

  performed(node: string, effect: NodeEffect): void {
    this.options.watch?.performed(this.node(node), effect);
    if (this.options.skipsTrace) return;
    const packed = packr.pack(effect).toString('latin1');
    this.traceHash = hashText(`${this.traceHash} ${this.time.nowMs} ${node} ${packed}`);
  }

  private describe(): string {
    const names = [...this.nodes.keys()];
    return names
      .map((seer) => {
        const { status, core } = this.node(seer);
        const seen = names.map((name) => this.stateOf(name, seer)).join(' ');
        return `${seer} (${status}): ${seen}; jobs ${JSON.stringify(core.jobs.counts())}`;
      })
      .join('\n');
  }
}
