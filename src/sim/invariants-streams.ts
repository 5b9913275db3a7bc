import { streamOf } from '../core/commands.js';
import type { NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId, RequestId } from '../core/ids.js';
import type { Item } from '../core/item.js';
import type { Reply } from '../core/reply.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface StreamInvariantsOptions {
  /** Nodes and links fail: what was not told in time may be left out, and who follows is told so. */
  readonly mayMiss: () => boolean;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** What one client was told of its job. */
interface Told {
  readonly askedOf: SimNode;
  job: JobId | null;
  state: string | null;
  epoch: number;
  attempt: number;
  chunk: number;
  /** The run that yielded what it was told of this attempt; null: nothing yet. */
  mark: number | null;
}

/** One run of an attempt, and how much it yielded. */
interface Yielding {
  readonly job: JobId;
  readonly attempt: number;
  count: number;
}

/**
 * Invariant 25: who follows a job is told first where it is, then every chunk of each attempt, in order and none twice, all of one run, and its
 * outcome only after the last one; what is left out is told of. Simulated attempts yield `[attempt, number, mark of the run, ...]`.
 */
export class StreamInvariants {
  private readonly told = new Map<RequestId, Told>();
  private readonly yielding = new Map<string, Yielding>();
  /** How many each attempt of a job has yielded, over all its runs. */
  private readonly lengths = new Map<string, Set<number>>();
  /** How much was told; none of it would show nothing. */
  chunkCount = 0;
  missedCount = 0;
  wholeCount = 0;

  constructor(private readonly options: StreamInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    this.noteEvent(node, event);
    for (const effect of effects) {
      if (effect.type === 'item') this.noteItem(node, effect.request, effect.item);
      else if (effect.type === 'reply') this.noteReply(node, effect.request, effect.reply);
      else if (effect.type === 'start_attempt') {
        const { job, attempt, run } = effect;
        this.yielding.set(runOf(node, run), { job, attempt, count: 0 });
      }
    }
  }

  /** Requests of live nodes that still wait. */
  unanswered(): string[] {
    return [...this.told]
      .filter(([, { askedOf }]) => askedOf.status === 'running')
      .map(
        ([request, { job, chunk }]) =>
          `request ${request} waits for what ${job ?? 'a job'} does after chunk ${chunk}`,
      );
  }

  private noteEvent(node: SimNode, event: NodeEvent): void {
    switch (event.type) {
      case 'request':
        if (streamOf(event.command) === null) return;
        this.told.set(event.request, {
          askedOf: node,
          job: null,
          state: null,
          epoch: 0,
          attempt: 0,
          chunk: 0,
          mark: null,
        });
        return;
      case 'request_abandoned':
        this.told.delete(event.request);
        return;
      case 'attempt_chunk': {
        const run = this.yielding.get(runOf(node, event.run));
        if (run !== undefined) run.count++;
        return;
      }
      case 'attempt_ended': {
        const run = this.yielding.get(runOf(node, event.run));
        this.yielding.delete(runOf(node, event.run));
        if (run === undefined || event.outcome.type !== 'done') return;
        const key = `${run.job} ${run.attempt}`;
        this.lengths.set(key, (this.lengths.get(key) ?? new Set()).add(run.count));
      }
    }
  }

  private noteItem(node: SimNode, request: RequestId, item: Item): void {
    const told = this.told.get(request);
    if (told === undefined) this.fail(node, request, `it is told of after its answer: ${show(item)}`);
    if (told.state === null && item.type !== 'state')
      this.fail(node, request, `it is told of no state before ${show(item)}`);
    switch (item.type) {
      case 'state':
        this.noteState(node, request, told, item);
        return;
      case 'missed':
        this.missedCount++;
        if (item.chunk <= told.chunk) this.fail(node, request, `${show(item)} after chunk ${told.chunk}`);
        if (told.chunk > 0 && !this.options.mayMiss())
          this.fail(node, request, `${show(item)} though nothing has failed`);
        told.chunk = item.chunk;
        return;
      case 'data':
        this.noteData(node, request, told, item);
    }
  }

  private noteState(
    node: SimNode,
    request: RequestId,
    told: Told,
    item: Extract<Item, { type: 'state' }>,
  ): void {
    const { id, state } = JSON.parse(item.text) as { id: JobId; state: string };
    if (told.job !== null && told.job !== id)
      this.fail(node, request, `it is told of ${id}, and of ${told.job}`);
    told.job = id;
    told.state = state;
    if (told.epoch === item.epoch && told.attempt === item.attempt) return;
    told.epoch = item.epoch;
    told.attempt = item.attempt;
    told.chunk = 0;
    told.mark = null;
  }

  private noteData(
    node: SimNode,
    request: RequestId,
    told: Told,
    item: Extract<Item, { type: 'data' }>,
  ): void {
    const [attempt, number, mark] = JSON.parse(String(item.payload)) as [number, number, number];
    if (number !== item.chunk || attempt !== told.attempt)
      this.fail(
        node,
        request,
        `chunk ${number} of attempt ${attempt} comes as ${item.chunk} of ${told.attempt}`,
      );
    if (number !== told.chunk + 1) this.fail(node, request, `chunk ${number} comes after ${told.chunk}`);
    if (told.mark !== null && mark !== told.mark)
      this.fail(
        node,
        request,
        `chunk ${number} of attempt ${attempt} is of another run than those before it`,
      );
    told.mark = mark;
    told.chunk = number;
    this.chunkCount++;
  }

  private noteReply(node: SimNode, request: RequestId, reply: Reply): void {
    const told = this.told.get(request);
    if (told === undefined) return;
    this.told.delete(request);
    // An owner that has the outcome from another one has nothing of what was yielded there.
    if (!reply.ok || told.job === null || told.epoch === 0) return;
    if (told.state !== 'done') this.fail(node, request, `it is told the result in state ${told.state}`);
    // Of two owners that both had it run, one may tell the outcome of the other's run, and has told what its own run yielded.
    const lengths = this.options.mayMiss() ? undefined : this.lengths.get(`${told.job} ${told.attempt}`);
    if (lengths !== undefined && !lengths.has(told.chunk))
      this.fail(node, request, `it is told ${told.chunk} chunks of ${[...lengths].join(' or ')}`);
    this.wholeCount++;
  }

  private fail(node: SimNode, request: RequestId, what: string): never {
    return this.options.fail(25, node.name, `request ${request}: ${what}`);
  }
}

function runOf(node: SimNode, run: number): string {
  return `${node.hello().instance} ${run}`;
}

function show(item: Item): string {
  return item.type === 'data' ? `data ${item.chunk}` : JSON.stringify(item);
}
