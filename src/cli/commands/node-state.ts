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
  const asked = await ask('LEAVE', undefined, flags);
  process.stdout.write(`node ${asked} leaves the cluster: it finishes what it has, then ends\n`);
}

/** Resolves to what to call the node that was told. */
async function ask(verb: string, node: string | undefined, flags: ClientFlags): Promise<string> {
  return withClient(flags, async (client) => {
    textOf(await client.request({ verb, operands: node === undefined ? [] : [node] }));
    return node ?? `at ${client.node}`;
  });
}
