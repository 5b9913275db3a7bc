import net, { type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../figures.js';
import { type BenchJob, type BenchTarget, benchJob } from '../target.js';
import { encodePacket, type Packet, packetReader, packetTypes } from './gearman-protocol.js';
import { NumberQueue } from './number-queue.js';
import {
  answerTo,
  commandOf,
  measureJobs,
  measureOneAtATime,
  measureRow,
  type PeerTarget,
  peerTarget,
  runPeer,
} from './peer-measures.js';
import {
  freePort,
  host,
  type Program,
  programPath,
  startRole,
  startServer,
  tellReady,
} from './peer-programs.js';
import { textWriter } from './text-writer.js';

const grabsMax = 64;

export const gearman: readonly Contender[] = [
  {
    system: 'gearman',
    name: 'gearmand -t 4',
    settings: `gearmand -t 4 -l none: jobs in memory, 4 threads for its sockets. Client and worker are minimal ones of our own over the binary protocol, a connection each, writes gathered; the worker has up to ${grabsMax} GRAB_JOBs outstanding. Enqueued is SUBMIT_JOB_BG up to its JOB_CREATED.`,
    workloads: ['a', 'b', 'c'],
    command: commandOf(import.meta.url, 't4'),
  },
];

async function startGearmand(): Promise<{ readonly port: number; readonly server: Program }> {
  const port = await freePort();
  const args = ['-L', host, '-p', String(port), '-l', 'none', '-t', '4'];
  const file = programPath('gearmand');
  return { port, server: await startServer({ name: 'gearmand', file, args, ready: port }) };
}

interface Connection {
  readonly socket: Socket;
  send(type: number, ...args: readonly string[]): void;
}

function connect(port: number, onPacket: (packet: Packet) => void): Connection {
  const socket = net.connect({ port, host, noDelay: true });
  const write = textWriter(socket);
  socket.on('data', packetReader(onPacket));
  return { socket, send: (type, ...args) => write(encodePacket(type, ...args)) };
}

/** Jobs whose outcome comes back to whom has submitted them. */
async function jobTarget(): Promise<PeerTarget> {
  const { port, server } = await startGearmand();
  const worker = await startRole(fileURLToPath(import.meta.url), 'worker', port);
  /** JOB_CREATED comes in the order of submission, and says no more than the job's handle. */
  const submitted = new NumberQueue();
  const waiting = new Map<string, number>();
  /** Outcomes that came before their JOB_CREATED: gearmand has several threads. */
  const early = new Map<string, unknown>();
  const connection = connect(port, ({ type, args: [handle = '', text = ''] }) => {
    if (type === packetTypes.jobCreated) {
      const n = submitted.take();
      if (early.has(handle)) target.take(n, early.get(handle));
      else waiting.set(handle, n);
      early.delete(handle);
    } else if (type === packetTypes.workComplete) {
      const n = waiting.get(handle);
      if (n === undefined) early.set(handle, JSON.parse(text));
      else target.take(n, JSON.parse(text));
      waiting.delete(handle);
    } else target.onFault(new Error(`gearmand sent a packet of type ${type}: ${handle} ${text}`));
  });
  const target = peerTarget('gearmand', [server, worker], (n) => {
    submitted.add(n);
    connection.send(packetTypes.submitJob, 'no-op', '', JSON.stringify(benchJob(n)));
  });
  connection.socket.on('error', (error) => target.onFault(error));
  return target;
}

/** Jobs that nobody runs. */
async function enqueueTarget(): Promise<BenchTarget> {
  const { port, server } = await startGearmand();
  const submitted = new NumberQueue();
  const connection = connect(port, ({ type, args }) => {
    if (type === packetTypes.jobCreated) target.onAnswer(submitted.take());
    else target.onFault(new Error(`gearmand sent a packet of type ${type}: ${args.join(' ')}`));
  });
  const target = peerTarget('gearmand', [server], (n) => {
    submitted.add(n);
    connection.send(packetTypes.submitJobInBackground, 'nobody', '', JSON.stringify(benchJob(n)));
  });
  connection.socket.on('error', (error) => target.onFault(error));
  return target;
}

/**
 * GRAB_JOB ─► JOB_ASSIGN, or NO_JOB. With none outstanding PRE_SLEEP asks for a NOOP when there is a job again. The more jobs come, the
 * more are asked for ahead: with one at a time the others would be answered NO_JOB in vain.
 */
function work(port: number): void {
  let outstanding = 0;
  let wanted = 1;
  const grab = (): void => {
    for (; outstanding < wanted; outstanding++) connection.send(packetTypes.grabJob);
  };
  const noOp = async ({ n }: BenchJob): Promise<unknown> => answerTo(n);
  const connection = connect(port, ({ type, args: [handle = '', , text = ''] }) => {
    if (type === packetTypes.jobAssign) {
      outstanding--;
      wanted = Math.min(wanted * 2, grabsMax);
      void noOp(JSON.parse(text) as BenchJob).then((answer) => {
        connection.send(packetTypes.workComplete, handle, JSON.stringify(answer));
        grab();
      });
    } else if (type === packetTypes.noJob) {
      outstanding--;
      if (outstanding > 0) return;
      wanted = 1;
      connection.send(packetTypes.preSleep);
    } else if (type === packetTypes.noOp) grab();
  });
  connection.send(packetTypes.canDo, 'no-op');
  grab();
  tellReady();
}

runPeer(import.meta.url, {
  measurements: {
    a: async (_, pace) => measureJobs(await jobTarget(), pace),
    b: async (_, pace) => measureOneAtATime(await jobTarget(), pace),
    c: async (_, pace) => measureRow(await enqueueTarget(), pace, { workload: 'c', row: 'enqueue' }),
  },
  roles: { worker: ([port]) => work(Number(port)) },
});
