import type { RequestId } from '../ids.js';
import { limits } from '../limits.js';
import { PatternTree } from './pattern-tree.js';
import { isPattern, levelsOf, type Topic } from './topic.js';

/** What becomes of the topics and patterns that anybody here subscribes to. */
export interface SubscriptionsListener {
  gained(name: Topic): void;
  lost(name: Topic): void;
}

/** Of so many topics and requests it is remembered who gets their messages: what is published again and again is matched once. */
const rememberedTopicsMax = 4_096;
const rememberedRequestsMax = 1_000_000;
const nobody: readonly RequestId[] = [];

/** Which requests of this node's clients subscribe to what. */
export class Subscriptions {
  private readonly requests = new Map<RequestId, readonly Topic[]>();
  /** Topics and patterns. */
  private readonly byName = new Map<Topic, Set<RequestId>>();
  private readonly patterns = new PatternTree<Set<RequestId>>();
  private readonly remembered = new Map<Topic, readonly RequestId[]>();
  private rememberedRequests = 0;
  private nameCount = 0;
  /** That differ. */
  private patternCount = 0;

  constructor(private readonly listener: SubscriptionsListener) {}

  /** Each topic of each request counted. */
  get count(): number {
    return this.nameCount;
  }

  get requestCount(): number {
    return this.requests.size;
  }

  /** Where so many names are promised to others. */
  hasRoomFor(names: readonly Topic[], promised = 0): boolean {
    if (this.nameCount + promised + names.length > limits.subscriptionsMax) return false;
    if (this.patternCount + names.length <= limits.patternsMax) return true;
    const added = names.filter((name) => isPattern(name) && !this.byName.has(name));
    return this.patternCount + added.length <= limits.patternsMax;
  }

  add(request: RequestId, names: readonly Topic[]): void {
    this.requests.set(request, names);
    this.nameCount += names.length;
    this.forgetMatches();
    for (const name of names) {
      const known = this.byName.get(name);
      if (known !== undefined) {
        known.add(request);
        continue;
      }
      const requests = new Set([request]);
      this.byName.set(name, requests);
      if (isPattern(name)) {
        this.patterns.set(name, requests);
        this.patternCount++;
      }
      this.listener.gained(name);
    }
  }

  /** False when it subscribes to nothing. */
  remove(request: RequestId): boolean {
    const names = this.requests.get(request);
    if (names === undefined) return false;
    this.requests.delete(request);
    this.nameCount -= names.length;
    this.forgetMatches();
    for (const name of names) {
      const requests = this.byName.get(name);
      requests?.delete(request);
      if (requests === undefined || requests.size > 0) continue;
      this.byName.delete(name);
      if (isPattern(name)) {
        this.patterns.delete(name);
        this.patternCount--;
      }
      this.listener.lost(name);
    }
    return true;
  }

  all(): IterableIterator<RequestId> {
    return this.requests.keys();
  }

  /** Who gets a message of this topic, each once, however many of its patterns match. */
  match(topic: Topic): readonly RequestId[] {
    const known = this.remembered.get(topic);
    if (known !== undefined) return known;
    const found = this.find(topic);
    if (
      this.remembered.size >= rememberedTopicsMax ||
      this.rememberedRequests + found.length > rememberedRequestsMax
    )
      this.forgetMatches();
    this.remembered.set(topic, found);
    this.rememberedRequests += found.length;
    return found;
  }

  /** Who gets messages of this topic; of a pattern, who subscribes to this very one. */
  countOf(name: Topic): number {
    return isPattern(name) ? (this.byName.get(name)?.size ?? 0) : this.match(name).length;
  }

  private find(topic: Topic): readonly RequestId[] {
    const found: Set<RequestId>[] = [];
    const exact = this.byName.get(topic);
    if (exact !== undefined) found.push(exact);
    this.patterns.match(levelsOf(topic), found);
    const [first] = found;
    if (first === undefined) return nobody;
    if (found.length === 1) return [...first];
    const requests = new Set<RequestId>();
    for (const some of found) for (const request of some) requests.add(request);
    return [...requests];
  }

  private forgetMatches(): void {
    if (this.remembered.size === 0) return;
    this.remembered.clear();
    this.rememberedRequests = 0;
  }
}
