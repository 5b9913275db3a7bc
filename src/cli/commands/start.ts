import type { EventEmitter } from 'node:events';
import { type RunningNode, startNode } from '../../node/start-node.js';

/** `rondo start`: resolves when the node has ended. */
export async function start(flags: Record<string, unknown>): Promise<void> {
  const node = await startNode(flags, process.env);
  process.exitCode = await untilStopped(node, process);
}

const endingSignals = ['SIGTERM', 'SIGINT'] as const;

/** The first signal has the node drain and leave, any further one end at once. Resolves to its exit code. */
export async function untilStopped(
  node: Pick<RunningNode, 'stopped' | 'drainAndLeave' | 'stopNow'>,
  signals: Pick<EventEmitter, 'on' | 'off'>,
): Promise<number> {
  let asked = false;
  const onSignal = (): void => {
    if (asked) node.stopNow();
    else node.drainAndLeave();
    asked = true;
  };
  for (const signal of endingSignals) signals.on(signal, onSignal);
  try {
    return await node.stopped;
  } finally {
    for (const signal of endingSignals) signals.off(signal, onSignal);
  }
}
