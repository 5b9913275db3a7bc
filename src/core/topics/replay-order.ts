import type { NodeId } from '../ids.js';
import type { Message } from '../item.js';
import { limits } from '../limits.js';
import { replayedBytes } from './kept-search.js';

/** A message, with the node at which it was published and its number there. */
export interface Numbered {
  readonly publisher: NodeId;
  readonly number: number;
  readonly message: Message;
}

/** One that was published before, with the time by the clock of that node. */
export interface Recalled extends Numbered {
  readonly wallMs: number;
}

interface Placed extends Recalled {
  readonly atMs: number;
}

/**
 * The last `count` of each topic, and of all topics as much as one replay gives, the earliest first: by the clocks of their nodes, but
 * what was published at one node in the order in which it was.
 */
export function lastOf(recalled: readonly Recalled[], count: number): Recalled[] {
  const counts = new Map<string, number>();
  const kept: Recalled[] = [];
  let bytes = 0;
  for (const message of inOrder(recalled).reverse()) {
    const { topic } = message.message;
    const before = counts.get(topic) ?? 0;
    if (before >= count) continue;
    bytes += replayedBytes(message.message);
    if (bytes > limits.replayedBytesMax) break;
    counts.set(topic, before + 1);
    kept.push(message);
  }
  return kept.reverse();
}

/**
 * What was recalled, and behind it what has come meanwhile, each once. What has come before something of the same node that was recalled
 * is put before that.
 */
export function withLive(recalled: readonly Recalled[], live: readonly Numbered[]): Message[] {
  if (live.length === 0) return recalled.map(({ message }) => message);
  const known = new Set(recalled.map(keyOf));
  const lastNumbers = new Map<NodeId, number>();
  for (const { publisher, number } of recalled)
    lastNumbers.set(publisher, Math.max(number, lastNumbers.get(publisher) ?? 0));
  const missing = live.filter((message) => !known.has(keyOf(message)));
  const isEarly = ({ publisher, number }: Numbered): boolean => number < (lastNumbers.get(publisher) ?? 0);
  const early = missing.filter(isEarly).map((message) => ({ ...message, wallMs: Number.NEGATIVE_INFINITY }));
  const late = missing.filter((message) => !isEarly(message));
  const ordered = early.length === 0 ? recalled : inOrder([...recalled, ...early]);
  return [...ordered, ...late].map(({ message }) => message);
}

/** By time, where no message of a node counts as earlier than the one before it, whatever its clock did. */
function inOrder(recalled: readonly Recalled[]): Placed[] {
  const byNumber = [...recalled].sort((a, b) => a.number - b.number);
  const latest = new Map<NodeId, number>();
  // Field by field: there may be thousands, and a spread costs several times as much.
  const placed = byNumber.map(({ publisher, number, message, wallMs }): Placed => {
    const atMs = Math.max(wallMs, latest.get(publisher) ?? Number.NEGATIVE_INFINITY);
    latest.set(publisher, atMs);
    return { publisher, number, message, wallMs, atMs };
  });
  return placed.sort(compare);
}

function compare(a: Placed, b: Placed): number {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs ? -1 : 1;
  if (a.publisher !== b.publisher) return a.publisher < b.publisher ? -1 : 1;
  return a.number - b.number;
}

function keyOf({ publisher, number }: Numbered): string {
  return `${publisher}/${number}`;
}
