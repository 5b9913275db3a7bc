import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import t from 'tap';
import {
  encodeCommand,
  encodePut,
  type Reply,
  replyReader,
} from '../../scripts/bench/contenders/beanstalkd-protocol.js';
import {
  encodePacket,
  type Packet,
  packetReader,
  packetTypes,
} from '../../scripts/bench/contenders/gearman-protocol.js';
import { NumberQueue } from '../../scripts/bench/contenders/number-queue.js';
import { describeMissing, installNpmPackages } from '../../scripts/bench/contenders/peer-install.js';
import { promisedTarget } from '../../scripts/bench/contenders/peer-measures.js';
import { peerNeeds, programVersion } from '../../scripts/bench/contenders/peer-needs.js';
import {
  dataDirectory,
  endPrograms,
  findProgram,
  freePort,
  startServer,
} from '../../scripts/bench/contenders/peer-programs.js';
import { peers, preparePeers } from '../../scripts/bench/contenders/peers.js';
import { workloads } from '../../scripts/bench/figures.js';
import { hashOf } from '../../scripts/bench/target.js';

t.test(
  'every contender has a name of its own, a system that is known, and a process for each of its workloads',
  (t) => {
    t.equal(new Set(peers.map(({ name }) => name)).size, peers.length);
    t.same(new Set(peers.map(({ system }) => system)), new Set(Object.keys(peerNeeds)));
    for (const { name, settings, workloads: own, command } of peers) {
      t.match(settings, /\.$/, `${name} says how it is set`);
      for (const workload of own) {
        t.ok(Object.hasOwn(workloads, workload));
        const { file, args } = command(workload, true);
        t.equal(file, process.execPath);
        t.ok(existsSync(args[0] ?? ''), `${basename(args[0] ?? '')} is there`);
        t.same([args[1], args.at(-1)], [workload, '--quick']);
        t.notOk(command(workload, false).args.includes('--quick'));
      }
    }
    t.end();
  },
);

t.test('systems that are no peers need nothing', async (t) => {
  t.same(await preparePeers(['rondo', 'ceiling']), { versions: {}, missing: [] });
});

t.test('a version is what the program says, in the words of each', async (t) => {
  const said: Readonly<Record<string, readonly [text: string, version: string]>> = {
    gearman: ['\ngearmand 1.1.20+ds - https://github.com/gearman/gearmand/issues\n', '1.1.20+ds'],
    beanstalkd: ['beanstalkd 1.12\n', '1.12'],
    bullmq: ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n', '7.0.15'],
    nats: ['nats-server: v2.9.10\n', '2.9.10'],
    dask: ['2022.12.1+ds.1\n', '2022.12.1+ds.1'],
    serf: ['Serf v0.9.4\nAgent Protocol: 5 (Understands back to: 2)\n', '0.9.4'],
  };
  for (const [system, [text, version]] of Object.entries(said)) {
    const pattern = peerNeeds[system]?.programs[0]?.versionPattern;
    t.equal(pattern?.exec(text)?.[1], version, system);
  }
  const need = {
    name: 'node',
    program: process.execPath,
    debianPackage: 'none',
    versionArgs: ['--version'],
    versionPattern: /^v(\S+)/,
  };
  t.equal(await programVersion(need), process.versions.node);
  t.equal(await programVersion({ ...need, versionArgs: ['-e', 'process.exit(1)'] }), null, 'it fails');
  t.equal(await programVersion({ ...need, program: 'there-is-no-such-program' }), null, 'it is not there');
});

t.test('why a program is missing says what to type', (t) => {
  const gearmand = { name: 'gearmand', debianPackage: 'gearman-job-server' };
  const command = 'apt-get install --no-install-recommends gearman-job-server';
  t.match(describeMissing(gearmand, 'no Debian', ''), /gearmand isn't installed, .* put it in PATH by hand/);
  t.match(describeMissing(gearmand, 'no rights', ''), `Type: sudo ${command}`);
  const errors = 'W: x\nE: Unable to locate package serf\nE: Unable to locate package gearman-job-server\n';
  const reason = describeMissing(gearmand, 'sudo', errors);
  t.match(reason, '(Unable to locate package gearman-job-server)');
  t.match(reason, `sudo ${command}`);
  t.notMatch(describeMissing(gearmand, 'root', ''), /sudo|\(/);
  t.end();
});

t.test('a packet of gearmand is read however its bytes come', (t) => {
  // SUBMIT_JOB as a client sends it, by the protocol's own example.
  t.same(
    Buffer.from(encodePacket(packetTypes.submitJob, 'reverse', '', 'test'), 'latin1'),
    Buffer.from('00524551000000070000000d72657665727365000074657374', 'hex'),
  );
  // What gearmand 1.1.20 has sent to a client and to a worker.
  const bytes = Buffer.from(
    [
      '005245530000000800000006483a766d3a31',
      '005245530000000600000000',
      '005245530000000b00000014483a766d3a31006e6f2d6f70007b226e223a317d',
      '005245530000000d00000018483a766d3a31007b226f6b223a747275652c226e223a317d',
    ].join(''),
    'hex',
  );
  const wanted = [
    { type: packetTypes.jobCreated, args: ['H:vm:1'] },
    { type: packetTypes.noOp, args: [''] },
    { type: packetTypes.jobAssign, args: ['H:vm:1', 'no-op', '{"n":1}'] },
    { type: packetTypes.workComplete, args: ['H:vm:1', '{"ok":true,"n":1}'] },
  ];
  for (const size of [bytes.length, 1, 7]) {
    const packets: Packet[] = [];
    const read = packetReader((packet) => packets.push(packet));
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    t.same(packets, wanted, `${size} at once`);
  }
  t.end();
});

t.test('a reply of beanstalkd is read however its text comes', (t) => {
  t.equal(encodePut('{"n":1}'), 'put 0 0 120 7\r\n{"n":1}\r\n');
  t.equal(encodeCommand('delete', 12), 'delete 12\r\n');
  const text = 'INSERTED 1\r\nRESERVED 12 9\r\nab\r\ncd\r\ne\r\nRESERVED 13 0\r\n\r\nDELETED\r\n';
  const wanted = [
    { words: ['INSERTED', '1'], body: null },
    { words: ['RESERVED', '12', '9'], body: 'ab\r\ncd\r\ne' },
    { words: ['RESERVED', '13', '0'], body: '' },
    { words: ['DELETED'], body: null },
  ];
  for (const size of [text.length, 1, 5]) {
    const replies: Reply[] = [];
    const read = replyReader((reply) => replies.push(reply));
    for (let at = 0; at < text.length; at += size) read(text.slice(at, at + size));
    t.same(replies, wanted, `${size} at once`);
  }
  t.end();
});

t.test('numbers leave in the order in which they came, and no more than came', (t) => {
  const queue = new NumberQueue();
  for (const number of [3, 1, 2]) queue.add(number);
  t.same([queue.take(), queue.take(), queue.take()], [3, 1, 2]);
  t.throws(() => queue.take(), /more was answered than asked/);
  t.end();
});

t.test('an answer is a fault unless it is that of its job', async (t) => {
  const outcomes: string[] = [];
  const answers = [{ ok: true, n: 0 }, { ok: true, n: 7 }, { n: 2 }, null];
  const target = promisedTarget('x', [], async (n) => {
    if (n === 4) throw new Error('no answer');
    return answers[n];
  });
  target.onAnswer = (n) => outcomes.push(`right: ${n}`);
  target.onFault = ({ message }) => outcomes.push(message);
  for (let n = 0; n <= 4; n++) target.send(n);
  await new Promise(setImmediate);
  t.same(outcomes.sort(), [
    'no answer',
    'right: 0',
    'wrong answer to job 1: {"ok":true,"n":7}',
    'wrong answer to job 2: {"n":2}',
    'wrong answer to job 3: null',
  ]);
});

t.test('what is hashed is a million bytes made from a seed', (t) => {
  t.equal(hashOf(7), hashOf(77), 'the digits again and again');
  t.equal(hashOf(1), 'f7c350ea256d1dfc0e19206ac82543838e49462bbffd0057c02eb259dae65fc6');
  t.end();
});

t.test('a server that is started is ready, and leaves nothing when all are ended', async (t) => {
  const file = process.execPath;
  const port = await freePort();
  const listen = `require('node:net').createServer().listen(${port}, '127.0.0.1')`;
  const listening = await startServer({ name: 'one', file, args: ['-e', listen], ready: port });
  const lines: string[] = [];
  const printing = await startServer({
    name: 'another',
    file,
    args: ['-e', "console.log('now\\nready'); setInterval(() => {}, 1000)"],
    ready: /^ready$/m,
    onLine: (line) => lines.push(line),
  });
  t.same(lines, ['now', 'ready']);
  t.ok(printing.readyMs > 0);
  await t.rejects(
    startServer({
      name: 'a third',
      file,
      args: ['-e', "console.error('no disk'); process.exit(3)"],
      ready: /x/,
    }),
    /a third ended with 3 no disk/,
  );
  await t.rejects(startServer({ name: 'none', file: '/no/such/program', args: [], ready: /x/ }), /ENOENT/);
  const directory = dataDirectory();
  await endPrograms();
  t.notOk(existsSync(directory));
  t.throws(() => process.kill(listening.pid, 0), 'the first is gone');
  t.throws(() => process.kill(printing.pid, 0), 'the second is gone');
});

t.test('programs are found in PATH and where only root looks', (t) => {
  t.ok(findProgram('sh')?.endsWith('/sh'));
  t.equal(findProgram('there-is-no-such-program'), null);
  t.end();
});

t.test('without a registry the npm packages are given up soon, and one line says why', async (t) => {
  const directory = t.testdir({
    'package.json': JSON.stringify({ name: 'x', version: '1.0.0', dependencies: { nowhere: '1.0.0' } }),
    'package-lock.json': JSON.stringify({
      name: 'x',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: { '': { dependencies: { nowhere: '1.0.0' } }, 'node_modules/nowhere': { version: '1.0.0' } },
    }),
  });
  const before = process.env.npm_config_registry;
  process.env.npm_config_registry = 'http://127.0.0.1:1';
  t.teardown(() => {
    if (before === undefined) delete process.env.npm_config_registry;
    else process.env.npm_config_registry = before;
  });
  const fault = await installNpmPackages(directory);
  t.match(
    fault,
    /^its npm packages could not be installed \([^\n]*ECONNREFUSED[^\n]*\)\. Type, to see why: [^\n]*$/,
  );
});
