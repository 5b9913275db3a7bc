import { Fifo } from '../fifo.js';
import type { InstanceId, NodeId } from '../ids.js';
import { limits } from '../limits.js';
import { isPattern, type Topic } from './topic.js';
import { TopicFilter } from './topic-filter.js';
import type { InterestRecord, InterestVersion } from './topic-messages.js';

/** Changes are told at once, but so close after each other as one. */
const tellGapMs = 250;
/** A topic that nobody subscribes to any more stays in it for so long: who comes and goes is no change. */
const lingerMs = 5_000;
/** At most so many stay. */
const lingeringMax = 10_000;

interface Lingering {
  readonly name: Topic;
  readonly untilMs: number;
}

export interface OwnInterestOptions {
  readonly node: NodeId;
  readonly instance: InstanceId;
  readonly start: number;
}

/** What this node's clients subscribe to, as other nodes are told of it. */
export class OwnInterest {
  private readonly filter = new TopicFilter();
  private readonly patterns = new Set<Topic>();
  /** Until when each is kept; and the same in order, with those that are back or gone again left in it. */
  private readonly lingering = new Map<Topic, number>();
  private readonly order = new Fifo<Lingering>();
  private hasChanged = false;
  /** Others believe something else of this node. */
  private isBelied = false;
  private toldAtMs = Number.NEGATIVE_INFINITY;
  private told: InterestRecord;

  constructor({ node, instance, start }: OwnInterestOptions) {
    this.told = { node, instance, start, version: 0, patterns: [], filter: new Uint8Array(0) };
  }

  /** As it was told last; version 0: never. */
  get record(): InterestRecord {
    return this.told;
  }

  /** Whether others have been sent all of it. */
  get isTold(): boolean {
    return !this.hasChanged;
  }

  gained(name: Topic): void {
    if (this.lingering.delete(name)) return;
    if (isPattern(name)) this.patterns.add(name);
    else this.filter.add(name);
    this.hasChanged = true;
  }

  lost(name: Topic, nowMs: number): void {
    const untilMs = nowMs + lingerMs;
    this.lingering.set(name, untilMs);
    this.order.push({ name, untilMs });
    if (this.order.length > lingeringMax) this.dropFirst();
  }

  /** Others were told of a version that this process never had: what it wants is told once more, with a later one. */
  outdo({ instance, version }: InterestVersion): void {
    if (instance !== this.told.instance || version <= this.told.version) return;
    if (version >= limits.interestVersionMax) return;
    this.told = { ...this.told, version };
    this.isBelied = true;
    this.hasChanged = true;
  }

  /** What is to be told now; null: nothing. */
  take(nowMs: number): InterestRecord | null {
    for (
      let first = this.order.peek();
      first !== undefined && first.untilMs <= nowMs;
      first = this.order.peek()
    )
      this.dropFirst();
    if (!this.hasChanged || nowMs < this.toldAtMs + tellGapMs) return null;
    this.hasChanged = false;
    const { node, instance, start, version } = this.told;
    const patterns = this.patterns.size > limits.interestPatternsMax ? null : [...this.patterns].sort();
    const next = { node, instance, start, version: version + 1, patterns, filter: this.filter.bytes() };
    if (isSame(this.told, next) && !this.isBelied) return null;
    this.isBelied = false;
    this.told = next;
    this.toldAtMs = nowMs;
    return next;
  }

  nextDeadlineMs(): number {
    const lingersMs = this.order.peek()?.untilMs ?? Number.POSITIVE_INFINITY;
    return this.hasChanged ? Math.min(lingersMs, this.toldAtMs + tellGapMs) : lingersMs;
  }

  private dropFirst(): void {
    const { name, untilMs } = this.order.shift() as Lingering;
    if (this.lingering.get(name) !== untilMs) return;
    this.lingering.delete(name);
    if (isPattern(name)) this.patterns.delete(name);
    else this.filter.remove(name);
    this.hasChanged = true;
  }
}

function isSame(a: InterestRecord, b: InterestRecord): boolean {
  if (a.patterns?.join() !== b.patterns?.join() || a.filter.length !== b.filter.length) return false;
  return a.filter.every((byte, index) => byte === b.filter[index]);
}
