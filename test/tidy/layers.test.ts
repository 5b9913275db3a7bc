import t from 'tap';
import { checkCore } from './core-rules.js';
import { checkLayers } from './layer-rules.js';
import { describeViolations, parseSources, readSources } from './source-tree.js';

t.test('every import under src points along the arrows of the architecture', (t) => {
  t.same(describeViolations(checkLayers(readSources('src'))), []);
  t.end();
});

t.test('src/core is pure and synchronous', (t) => {
  t.same(describeViolations(checkCore(readSources('src'))), []);
  t.end();
});

t.test('the layer check finds an import that points the wrong way, whatever its form', (t) => {
  const offences: Record<string, string> = {
    'src/core/static.ts': "import { listen } from '../net/listen.js';",
    'src/core/typed.ts': "import type { Socket } from '../protocol/frame.js';",
    'src/protocol/side-effect.ts': "import '../node/node.js';",
    'src/net/sibling.ts': "import { x } from '../scheduler/scheduler.js';",
    'src/http/re-export.ts': "export * from '../store/journal.js';",
    'src/store/named-re-export.ts': "export { x } from '../http/server.js';",
    'src/scheduler/dynamic.ts': "const x = await import('../net/x.js');",
    'src/scheduler/template.ts': 'const x = await import(`../net/x.js`);',
    'src/client/type-query.ts': "export type X = import('../node/node.js').X;",
    'src/sim/required.ts': "const x = require('../net/x.js');",
    'src/node/upwards.ts': "import { main } from '../cli/main.js';",
    'src/node/deep/upwards.ts': "import { main } from '../../cli/main.js';",
    'src/node/simulated.ts': "import { sim } from '../sim/sim.js';",
    'src/cli/outside.ts': "import { x } from '../../test/support/cluster.js';",
    'src/cli/entry.ts': "import { x } from '../index.js';",
    'src/node/library.ts': "import { x } from '../library/client.js';",
    'src/library/commands.ts': "import { x } from '../cli/main.js';",
    'src/nowhere/unknown.ts': "import { x } from '../core/x.js';",
    'src/stray.ts': "import { x } from './core/x.js';",
  };
  const found = checkLayers(parseSources(offences)).map(({ path }) => path);
  t.same(found.sort(), Object.keys(offences).sort());
  t.end();
});

t.test('the layer check leaves imports along the arrows alone', (t) => {
  const allowed = parseSources({
    'src/index.ts': "export { start } from './node/node.js';",
    'src/index.cts': "const library = import('./index.js');",
    'src/library/client.ts': "import '../client/client.js'; const x = import('../node/node.js');",
    'src/cli/main.ts':
      "import { a } from '../node/a.js'; import { b } from '../client/b.js'; import '../sim/c.js';",
    'src/node/node.ts':
      "import '../net/a.js'; import '../scheduler/b.js'; import type { C } from '../core/c.js';",
    'src/net/link.ts': "import net from 'node:net'; import '../protocol/frame.js'; import './pool.js';",
    'src/client/client.ts':
      "import net from 'node:net'; import '../protocol/line.js'; import '../core/reply.js';",
    'src/sim/disk.ts':
      "import '../core/node-core.js'; // import '../net/x.js'\nconst s = \"import '../net/x.js'\";",
    'src/core/jobs/id.ts': "import { createHash } from 'node:crypto'; import '../ids.js';",
  });
  t.same(describeViolations(checkLayers(allowed)), []);
  t.end();
});

t.test('the layer check finds what core and protocol must not take from outside', (t) => {
  const lines = [
    "import net from 'node:net';",
    "import { setTimeout } from 'node:timers';",
    "import fs from 'fs';",
    "import { EventEmitter } from 'node:events';",
    "import { pack } from 'msgpackr';",
    "import crypto from 'node:crypto';",
    "import * as crypto from 'node:crypto';",
    "import { randomUUID } from 'node:crypto';",
    "import { createHash, randomBytes as bytes } from 'node:crypto';",
    "export { randomUUID } from 'node:crypto';",
    "const name = 'x'; const x = import(name);",
  ];
  for (const line of lines) t.equal(checkLayers(parseSources({ 'src/core/x.ts': line })).length, 1, line);
  const socket = checkLayers(parseSources({ 'src/protocol/x.ts': "import net from 'node:net';" }));
  t.same(describeViolations(socket), ['src/protocol/x.ts:1: protocol must not import node:net']);
  t.same(checkLayers(parseSources({ 'src/protocol/x.ts': "import { Packr } from 'msgpackr';" })), []);
  t.end();
});

t.test('the purity check finds clocks, timers, randomness, promises and the outside world', (t) => {
  const lines = [
    'export const now = Date.now();',
    'export const now = new Date();',
    'export const now = new Date;',
    'export const now = Date();',
    "export const now = Date['now']();",
    'export const clock = Date;',
    'export const dice = Math.random();',
    'export const { random } = Math;',
    "export const dice = Math['random']();",
    'export const id = crypto.randomUUID();',
    'export const now = performance.now();',
    'setTimeout(() => {}, 1);',
    'setInterval(() => {}, 1);',
    'setImmediate(() => {});',
    'queueMicrotask(() => {});',
    'globalThis.setTimeout(() => {}, 1);',
    'export const pid = process.pid;',
    "console.log('x');",
    'export async function f() {}',
    'export const f = async () => {};',
    'export class A { async f() {} }',
    'export type Later = Promise<void>;',
    'export const later = Promise.resolve();',
    'class A extends EventEmitter {}',
    "fetch('http://127.0.0.1');",
  ];
  for (const line of lines) t.not(checkCore(parseSources({ 'src/core/x.ts': line })).length, 0, line);
  const nested = checkCore(parseSources({ 'src/core/jobs/x.ts': '\n\nfor await (const x of y) {}' }));
  t.same(describeViolations(nested), ['src/core/jobs/x.ts:3: core must not await']);
  t.end();
});

t.test('the purity check leaves names in comments, texts and members alone', (t) => {
  const innocent = [
    '// Date.now() is not called here, nor is setTimeout',
    "export const text = 'process.exit() and Math.random()';",
    'export const iso = new Date(5).toISOString();',
    'export const at = Date.parse(iso);',
    'export const most = Math.max(1, 2);',
    'export interface Step { process: string; fetch(): void }',
    'export const step = { process: 1 }; export const one = step.process;',
    'export function f(when: Date) { return `$' + '{when.getTime()} setTimeout`; }',
  ];
  t.same(describeViolations(checkCore(parseSources({ 'src/core/x.ts': innocent.join('\n') }))), []);
  t.same(checkCore(parseSources({ 'src/net/x.ts': 'setTimeout(() => {}, Date.now());' })), []);
  t.end();
});
