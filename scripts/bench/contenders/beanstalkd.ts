import net from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../figures.js';
import { type BenchJob, type BenchTarget, benchJob } from '../target.js';
import { encodeCommand, encodePut, type Reply, replyReader } from './beanstalkd-protocol.js';
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
  dataDirectory,
  freePort,
  host,
  type Program,
  programPath,
  startRole,
  startServer,
  tellReady,
} from './peer-programs.js';
import { textWriter } from './text-writer.js';

/** A connection that waits in `reserve` takes no other command, so there are several. */
const workerConnections = 32;
const clientConnections = 16;

const client = `Client and worker are minimal ones of our own, writes gathered: jobs and answers are put on a tube each; ${workerConnections} connections of the worker and ${clientConnections} of the client reserve and delete. Enqueued is put up to its INSERTED.`;

export const beanstalkd: readonly Contender[] = [
  {
    system: 'beanstalkd',
    name: 'beanstalkd',
    settings: `beanstalkd: jobs in memory. ${client}`,
    workloads: ['a', 'b', 'c'],
    command: commandOf(import.meta.url, 'memory'),
  },
  {
    system: 'beanstalkd',
    name: 'beanstalkd -b',
    settings: `beanstalkd -b DIR: jobs also in a log on disk, which is synced at most every 50 ms. ${client}`,
    workloads: ['a', 'b', 'c'],
    command: commandOf(import.meta.url, 'log'),
  },
  {
    system: 'beanstalkd',
    name: 'beanstalkd -b -f0',
    settings: `beanstalkd -b DIR -f0: jobs also in a log on disk, which is synced at each write; so are answers, which are jobs as well. ${client}`,
    workloads: ['a', 'b', 'c', 'd'],
    command: commandOf(import.meta.url, 'synced'),
  },
];

interface Connection {
  readonly port: number;
  readonly onFault: (error: Error) => void;
}

/** Gives what sends commands; their replies come in the same order. */
function connect({ port, onFault }: Connection, onReply: (reply: Reply) => void): (commands: string) => void {
  const socket = net.connect({ port, host, noDelay: true });
  socket.on('error', onFault);
  socket.setEncoding('latin1').on('data', replyReader(onReply));
  return textWriter(socket);
}

/** Gives the body of each job of the tube to `onJob`, whose answer is put on the other tube, if there is one; deletes it, and takes the next. */
function consume(
  connection: Connection,
  { from, to }: { readonly from: string; readonly to: string | null },
  onJob: (body: string) => string,
): void {
  const send = connect(connection, ({ words: [word = '', id = ''], body }) => {
    if (body === null) return mustSucceed(word, connection);
    const answer = onJob(body);
    const put = to === null ? '' : encodePut(answer);
    send(`${put}${encodeCommand('delete', id)}${encodeCommand('reserve')}`);
  });
  const use = to === null ? '' : encodeCommand('use', to);
  send(
    `${use}${encodeCommand('watch', from)}${encodeCommand('ignore', 'default')}${encodeCommand('reserve')}`,
  );
}

function mustSucceed(word: string, { onFault }: Connection): void {
  if (!['INSERTED', 'DELETED', 'USING', 'WATCHING'].includes(word))
    onFault(new Error(`beanstalkd replies ${word}`));
}

function work(port: number): void {
  const noOp = (body: string): string => JSON.stringify(answerTo((JSON.parse(body) as BenchJob).n));
  const onFault = (error: Error): never => {
    process.stderr.write(`${error.message}
`);
    process.exit(1);
  };
  for (let count = 0; count < workerConnections; count++)
    consume({ port, onFault }, { from: 'jobs', to: 'answers' }, noOp);
  tellReady();
}

async function jobTarget({ port, server }: Server): Promise<PeerTarget> {
  const worker = await startRole(fileURLToPath(import.meta.url), 'worker', port);
  const connection = { port, onFault: (error: Error) => target.onFault(error) };
  const send = connect(connection, ({ words: [word = ''] }) => mustSucceed(word, connection));
  send(encodeCommand('use', 'jobs'));
  const target = peerTarget('beanstalkd', [server, worker], (n) =>
    send(encodePut(JSON.stringify(benchJob(n)))),
  );
  const take = (body: string): string => {
    const answer = JSON.parse(body) as { readonly n: number };
    target.take(answer.n, answer);
    return '';
  };
  for (let count = 0; count < clientConnections; count++)
    consume(connection, { from: 'answers', to: null }, take);
  return target;
}

/** Jobs that nobody runs. */
function enqueueTarget({ port, server }: Server): BenchTarget {
  const submitted = new NumberQueue();
  const connection = { port, onFault: (error: Error) => target.onFault(error) };
  const send = connect(connection, ({ words: [word = ''] }) => {
    if (word === 'INSERTED') target.onAnswer(submitted.take());
    else mustSucceed(word, connection);
  });
  const target = peerTarget('beanstalkd', [server], (n) => {
    submitted.add(n);
    send(encodePut(JSON.stringify(benchJob(n))));
  });
  send(encodeCommand('use', 'nobody'));
  return target;
}

interface Server {
  readonly port: number;
  readonly server: Program;
}

async function start(setting: string): Promise<Server> {
  const port = await freePort();
  const args = ['-l', host, '-p', String(port)];
  if (setting !== 'memory') args.push('-b', dataDirectory());
  if (setting === 'synced') args.push('-f0');
  const file = programPath('beanstalkd');
  return { port, server: await startServer({ name: 'beanstalkd', file, args, ready: port }) };
}

runPeer(import.meta.url, {
  measurements: {
    a: async (setting, pace) => measureJobs(await jobTarget(await start(setting)), pace),
    b: async (setting, pace) => measureOneAtATime(await jobTarget(await start(setting)), pace),
    c: async (setting, pace) =>
      measureRow(enqueueTarget(await start(setting)), pace, { workload: 'c', row: 'enqueue' }),
    d: async (setting, pace) => {
      const where = { workload: 'd' } as const;
      await measureRow(enqueueTarget(await start(setting)), pace, { ...where, row: 'enqueue' });
      await measureRow(await jobTarget(await start(setting)), pace, { ...where, row: 'end to end' });
    },
  },
  roles: { worker: ([port]) => work(Number(port)) },
});
