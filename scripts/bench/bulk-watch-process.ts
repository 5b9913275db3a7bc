import type { PeerMessage } from '../../src/core/messages.js';
import { answerPing, type ForgedPeer, forgedId, forgePeer } from '../../test/support/forged-peer.js';
import { connectLines } from '../../test/support/line-connection.js';

/**
 * Stands beside a cluster in a process of its own, which does nothing else, and tells the longest gaps: between the turns of
 * a bare timer, between the replies to PING, and between heartbeats from node to node. These it asks for as membership does
 * (`probe_request`), so they go over the very links that results go over:
 *
 *     watch ─probe_request(target)─► asked ─ping─► target          target ─ack─► asked ─ack─► watch
 *
 * Forked with an IPC channel, over which it is told the nodes and says when it is ready; at the next word it tells the gaps.
 */
export interface WatchedNode {
  readonly id: string;
  readonly name: string;
  readonly peer: string;
  readonly client: string;
}

export interface BulkGaps {
  /** What the machine does to a process that only has a timer. */
  readonly timerMs: number;
  /** By the node's name. */
  readonly pingMs: Readonly<Record<string, number>>;
  /** By `asked > target`. */
  readonly heartbeatMs: Readonly<Record<string, number>>;
}

const pauseMs = 10;
/** A probe through a node ends without a word after some 500 ms: then it is asked for again. */
const heartbeatLostMs = 600;

/** The longest time from one beat to the next. */
class Gap {
  private lastMs = performance.now();
  private longestMs = 0;

  beat(): void {
    const nowMs = performance.now();
    this.longestMs = Math.max(this.longestMs, nowMs - this.lastMs);
    this.lastMs = nowMs;
  }

  /** One that is still open counts too. */
  read(): number {
    return Math.max(this.longestMs, performance.now() - this.lastMs);
  }
}

async function watchPings(node: WatchedNode, gap: Gap): Promise<void> {
  const connection = await connectLines(node.client);
  const ping = (): void => connection.send('PING');
  connection.socket.on('data', () => {
    gap.beat();
    setTimeout(ping, pauseMs);
  });
  ping();
}

/** One link to `asked`, and on it a heartbeat at a time for each of the others. */
async function watchHeartbeats(
  asked: WatchedNode,
  number: number,
  gaps: ReadonlyMap<string, Gap>,
): Promise<void> {
  let seq = 0;
  const waiting = new Map<number, () => void>();
  const answer = (message: PeerMessage, peer: ForgedPeer): void => {
    answerPing(message, peer);
    // What is gossiped and listed is nothing to this process, and would pile up.
    peer.heard.length = 0;
    if (message.type === 'ack') waiting.get(message.seq)?.();
  };
  const hello = { node: forgedId(number), name: `watch-${number}` };
  const peer = await forgePeer(asked, { hello, answer });
  void peer.closed.then((reason) => {
    throw new Error(`${asked.name} closed its link: ${reason}`);
  });
  for (const [target, gap] of gaps) {
    const ask = (): void => {
      const own = ++seq;
      const lost = setTimeout(() => {
        waiting.delete(own);
        ask();
      }, heartbeatLostMs);
      waiting.set(own, () => {
        clearTimeout(lost);
        waiting.delete(own);
        gap.beat();
        setTimeout(ask, pauseMs);
      });
      void peer.send({ type: 'probe_request', seq: own, target, rumours: [] });
    };
    ask();
  }
}

async function watch(nodes: readonly WatchedNode[]): Promise<() => BulkGaps> {
  const timer = new Gap();
  setInterval(() => timer.beat(), pauseMs);
  const pings = new Map<string, Gap>();
  const heartbeats = new Map<string, Gap>();
  for (const [index, node] of nodes.entries()) {
    const ping = new Gap();
    pings.set(node.name, ping);
    await watchPings(node, ping);
    const targets = new Map<string, Gap>();
    for (const target of nodes) {
      if (target === node) continue;
      const gap = new Gap();
      targets.set(target.id, gap);
      heartbeats.set(`${node.name} > ${target.name}`, gap);
    }
    await watchHeartbeats(node, index + 1, targets);
  }
  const read = (gaps: ReadonlyMap<string, Gap>): Record<string, number> =>
    Object.fromEntries([...gaps].map(([name, gap]) => [name, gap.read()]));
  return () => ({ timerMs: timer.read(), pingMs: read(pings), heartbeatMs: read(heartbeats) });
}

process.on('disconnect', () => process.exit(0));
process.once('message', (nodes) => {
  void watch(nodes as readonly WatchedNode[]).then((read) => {
    process.once('message', () => process.send?.(read()));
    process.send?.('ready');
  });
});
