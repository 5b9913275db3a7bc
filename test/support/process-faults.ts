import type { ClusterNode } from './cluster-node.js';

/** Stops the process for so long, as a suspended machine or a debugger would; resolves when it goes on. */
export async function stopFor(node: ClusterNode, durationMs: number): Promise<void> {
  node.kill('SIGSTOP');
  await elapse(durationMs);
  node.kill('SIGCONT');
}

/** Lets the process run for only a part of each cycle, as a machine with too little processor does. */
export async function starve(
  node: ClusterNode,
  cycle: { readonly stoppedMs: number; readonly runningMs: number; readonly durationMs: number },
): Promise<void> {
  const endsMs = performance.now() + cycle.durationMs;
  while (performance.now() < endsMs) {
    await stopFor(node, cycle.stoppedMs);
    await elapse(cycle.runningMs);
  }
}

function elapse(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
