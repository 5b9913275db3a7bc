import type { EventEmitter } from 'node:events';
import type { RunningNode } from '../../node/running-node.js';
import { startNode } from '../../node/start-node.js';

/** `rondo start`: resolves when the node has ended. */
export async function start(flags: Record<string, unknown>): Promise<void> {
  const exitCode = await untilStopped(() => startNode(flags, process.env), process, endings);
  // A node that could not end in good order may still hold something that would keep the process.
  if (exitCode !== 0) endings.exit(exitCode);
}

interface Endings {
  exit(code: number): void;
  /** Ends the process as this signal does where nobody listens for it. */
  raise(signal: NodeJS.Signals): void;
}

const endings: Endings = {
  exit: (code) => process.exit(code),
  raise: (signal) => void process.kill(process.pid, signal),
};

type StoppableNode = Pick<RunningNode, 'stopped' | 'drainAndLeave' | 'stopNow'>;

const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * The first signal has the node drain and leave, the second end at once, and any further one ends the process whatever
 * the node is at. SIGHUP has it drain and leave and never more: a terminal that closes sends it twice, by the kernel and
 * by the shell, and systemd sends it after SIGTERM. A node that is not up yet has nothing to finish. Resolves to the node's
 * exit code.
 */
export async function untilStopped(
  start: () => Promise<StoppableNode>,
  signals: Pick<EventEmitter, 'on' | 'off'>,
  { exit, raise }: Endings,
): Promise<number> {
  let node: StoppableNode | null = null;
  let endCount = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGHUP') endCount++;
    if (node === null) {
      stopListening();
      raise(signal);
    } else if (endCount <= 1) node.drainAndLeave();
    else if (signal === 'SIGHUP') return;
    else if (endCount === 2) node.stopNow();
    else exit(1);
  };
  const stopListening = (): void => {
    for (const signal of endingSignals) signals.off(signal, onSignal);
  };
  // From before the node says that it is ready: who waits for that may send a signal at once.
  for (const signal of endingSignals) signals.on(signal, onSignal);
  try {
    node = await start();
    return await node.stopped;
  } finally {
    stopListening();
  }
}
