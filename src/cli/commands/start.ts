import { startNode } from '../../node/start-node.js';

/** `rondo start`: resolves when the node has ended. The first SIGTERM or SIGINT drains and leaves, the second ends at once. */
export async function start(flags: Record<string, unknown>): Promise<void> {
  const node = await startNode(flags, process.env);
  let asked = false;
  const onSignal = (): void => {
    if (asked) node.stopNow();
    else node.drainAndLeave();
    asked = true;
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.exitCode = await node.stopped;
  process.off('SIGTERM', onSignal);
  process.off('SIGINT', onSignal);
}
