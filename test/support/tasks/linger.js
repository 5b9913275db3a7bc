import { setTimeout as delay } from 'node:timers/promises';

/** Takes `ms`, and tells which node ran it, with the number it was given. */
export default async function linger({ n, ms }, { node, signal }) {
  await delay(ms, undefined, { signal });
  return { n, node };
}
