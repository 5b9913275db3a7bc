import { accessSync, constants } from 'node:fs';
import t, { type Test } from 'tap';
import { notRunPrefix } from './enter.js';
import { hasNetem } from './host-commands.js';

const tapDriver = '/dev/net/tun';

/** A test whose network loses frames or makes them late. Where nothing can, it says so and is left out. */
export function testShaped(sentence: string, body: (t: Test) => Promise<void>): void {
  const fault = shaperFault();
  if (fault === null) void t.test(sentence, body);
  else t.pass(sentence, { skip: `${notRunPrefix}${fault}` });
}

function shaperFault(): string | null {
  if (hasNetem()) return null;
  try {
    accessSync(tapDriver, constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return `the kernel has no sch_netem, and ${tapDriver}, which could take its place, can't be opened`;
  }
}
