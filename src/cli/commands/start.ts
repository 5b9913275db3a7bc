import type { EventEmitter } from 'node:events';
import { type RunningNode, startNode } from '../../node/start-node.js';

/** `rondo start`: resolves when the node has ended. */
export async function start(flags: Record<string, unknown>): Promise<void> {
  const node = await startNode(flags, process.env);
  const exitCode = await untilStopped(node, process, exit);
  // A node that could not end in good order may still hold something that would keep the process.
  if (exitCode !== 0) exit(exitCode);
}

function exit(code: number): void {
  process.exit(code);
}

const endingSignals = ['SIGTERM', 'SIGINT'] as const;

/**
 * The first signal has the node drain and leave, the second end at once, and any further one ends the process whatever
 * the node is at. SIGHUP has it drain and leave and never more: a terminal that closes sends it twice, by the kernel and
 * by the shell, and systemd sends it after SIGTERM. Resolves to the node's exit code.
 */
export async function untilStopped(
  node: Pick<RunningNode, 'stopped' | 'drainAndLeave' | 'stopNow'>,
  signals: Pick<EventEmitter, 'on' | 'off'>,
  exit: (code: number) => void,
): Promise<number> {
  let signalCount = 0;
  const onSignal = (): void => {
    signalCount++;
    if (signalCount === 1) node.drainAndLeave();
    else if (signalCount === 2) node.stopNow();
    else exit(1);
  };
  const onHangup = (): void => node.drainAndLeave();
  for (const signal of endingSignals) signals.on(signal, onSignal);
  signals.on('SIGHUP', onHangup);
  try {
    return await node.stopped;
  } finally {
    for (const signal of endingSignals) signals.off(signal, onSignal);
    signals.off('SIGHUP', onHangup);
  }
}
