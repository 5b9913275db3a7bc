import { atStakeText } from '../../core/jobs/at-stake.js';
import { formatDuration } from '../../core/units.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { textOf } from '../failure.js';

/** `rondo drain` */
export async function drain(node: string | undefined, flags: ClientFlags): Promise<void> {
  const asked = await ask('DRAIN', node, flags);
  process.stdout.write(`node ${asked} drains: it finishes what it has and takes no new jobs\n`);
}

/** `rondo resume` */
export async function resume(node: string | undefined, flags: ClientFlags): Promise<void> {
  const asked = await ask('RESUME', node, flags);
  process.stdout.write(`node ${asked} takes jobs again\n`);
}

/** `rondo leave` */
export async function leave(flags: ClientFlags): Promise<void> {
  await withClient(flags, async (client) => {
    const plan = textOf(await client.request({ verb: 'LEAVE', operands: [] }));
    process.stdout.write(`node at ${client.node} leaves the cluster: it finishes what it has, then ends\n`);
    const lost = lostJobs(plan);
    if (lost !== null) process.stdout.write(`${lost}\n`);
  });
}

/** A sentence on the jobs that go with a node, where there are any. A node of an older version tells less, or nothing. */
function lostJobs(plan: string): string | null {
  if (plan === '') return null;
  const { unfinished, dropped, lost, drainTimeoutMs } = JSON.parse(plan) as Record<string, unknown>;
  if (typeof dropped !== 'number' || dropped === 0) return null;
  const inTime = typeof drainTimeoutMs === 'number' ? ` in ${formatDuration(drainTimeoutMs)}` : '';
  const fate =
    typeof lost === 'number'
      ? atStakeText({ journaled: dropped - lost, lost })
      : 'durable ones go on when it starts again, the others are lost';
  return `${dropped} of its ${unfinished} unfinished jobs will not be run${inTime}, and no other node holds them: ${fate}`;
}

/** Resolves to what to call the node that was told. */
async function ask(verb: string, node: string | undefined, flags: ClientFlags): Promise<string> {
  return withClient(flags, async (client) => {
    textOf(await client.request({ verb, operands: node === undefined ? [] : [node] }));
    return node ?? `at ${client.node}`;
  });
}
