import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { goodbyeReasons } from '../../src/core/hello.js';
import { frameKinds } from '../../src/protocol/frame-kinds.js';
import { peerFaults } from '../../src/protocol/peer-fault.js';

const text = readFileSync(new URL('../../../src/protocol/PROTOCOL.md', import.meta.url), 'utf8');
/** With the columns of its tables no wider than what is in them. */
const part = text.slice(text.indexOf('## Peer protocol')).replace(/ +\|/g, ' |');

t.test('the protocol text has every message, goodbye reason and fault, each with its number', (t) => {
  for (const [type, kind] of Object.entries(frameKinds)) {
    if (kind >= 16) has(t, `| ${kind} | \`${type}\` |`);
  }
  for (const [index, reason] of goodbyeReasons.entries()) has(t, `| ${index} | \`${reason}\` |`);
  for (const code of Object.keys(peerFaults)) has(t, `| \`${code}\` |`);
  t.end();
});

function has(t: Test, row: string): void {
  t.ok(part.includes(row), row);
}
