import type { ClusterNode } from './cluster-node.js';
import { type WaitOptions, waitUntil } from './wait-until.js';

/** What a node has said of a member, in the words of its log at level `debug`. */
export interface News {
  readonly by: string;
  readonly about: string;
  readonly what: NewsKind;
  /** Milliseconds since 1970, by the clock that all nodes of a machine share. */
  readonly atMs: number;
}

export type NewsKind = keyof typeof words;

const words = {
  joined: 'has joined',
  back: 'is back',
  restarted: 'has restarted',
  suspect: 'is suspect: it does not answer',
  trusted: 'is not suspect any more',
  dead: 'is dead',
  left: 'has left',
} as const;

interface LogLine {
  readonly time: string;
  readonly msg: string;
}

/** What these nodes have said of members since then, the oldest first. The log has each change once, which no look now and then has. */
export function newsOf(nodes: readonly ClusterNode[], sinceMs = 0): News[] {
  return nodes
    .flatMap((node) => linesOf(node).flatMap((line) => newsIn(line, node.name)))
    .filter(({ atMs }) => atMs >= sinceMs)
    .sort((one, other) => one.atMs - other.atMs);
}

/** Waits until each of these nodes has said this of the member; gives when the last one said it first. */
export async function untilToldOf(
  told: { readonly about: ClusterNode; readonly what: readonly NewsKind[]; readonly sinceMs?: number },
  by: readonly ClusterNode[],
  options?: WaitOptions,
): Promise<number> {
  const firsts = await Promise.all(
    by.map((node) =>
      waitUntil(
        `${node.name} says that ${told.about.name} ${told.what.map((each) => words[each]).join(' or ')}`,
        () =>
          newsOf([node], told.sinceMs).find(
            ({ about, what }) => about === told.about.name && told.what.includes(what),
          )?.atMs,
        options,
      ),
    ),
  );
  return Math.max(...firsts);
}

/** When the node said that it was ready. */
export function readyAtMs(node: ClusterNode): number {
  const line = linesOf(node).find(({ msg }) => msg === `node ${node.name} is ready`);
  if (line === undefined) throw new Error(`${node.name} has not said that it is ready`);
  return Date.parse(line.time);
}

/** Deaths that these nodes have told of each other, as text: empty when there was none. */
export function deathsAmong(nodes: readonly ClusterNode[], sinceMs: number): string {
  const names = new Set(nodes.map(({ name }) => name));
  return tell(newsOf(nodes, sinceMs).filter(({ about, what }) => what === 'dead' && names.has(about)));
}

/** News in a line of text, for what a test says of what it found. */
export function tell(news: readonly News[]): string {
  return news.map(({ by, about, what, atMs }) => `${atMs % 1_000_000} ${by}: ${about} ${what}`).join('; ');
}

function newsIn({ time, msg }: LogLine, by: string): News[] {
  for (const [what, text] of Object.entries(words)) {
    if (!msg.endsWith(` ${text}`)) continue;
    return [{ by, about: msg.slice(0, -text.length - 1), what: what as NewsKind, atMs: Date.parse(time) }];
  }
  return [];
}

function linesOf(node: ClusterNode): LogLine[] {
  return node
    .logs()
    .split('\n')
    .flatMap((text) => {
      try {
        return [JSON.parse(text) as LogLine];
      } catch {
        return []; // The first and the last line may be cut off.
      }
    });
}
