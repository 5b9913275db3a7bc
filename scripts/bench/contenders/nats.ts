import { fileURLToPath } from 'node:url';
import type { Contender } from '../figures.js';
import { type BenchJob, type BenchTarget, benchJob } from '../target.js';
import { measureNatsTopics, subscribe } from './nats-topics.js';
import {
  answerTo,
  commandOf,
  measureJobs,
  measureOneAtATime,
  measureRow,
  type PeerTarget,
  peerTarget,
  promisedTarget,
  runPeer,
} from './peer-measures.js';
import {
  dataDirectory,
  freePort,
  host,
  type Program,
  peerPackage,
  programPath,
  startRole,
  startServer,
  tellReady,
} from './peer-programs.js';

/** What is used of @nats-io/transport-node. */
interface NatsTransport {
  connect(options: object): Promise<NatsConnection>;
  createInbox(): string;
}

interface NatsConnection {
  publish(subject: string, data: string, options?: { readonly reply: string }): void;
  request(subject: string, data: string, options: { readonly timeout: number }): Promise<NatsMessage>;
  subscribe(
    subject: string,
    options: {
      readonly queue?: string;
      readonly callback: (error: Error | null, message: NatsMessage) => void;
    },
  ): void;
  flush(): Promise<void>;
}

interface NatsMessage {
  readonly subject: string;
  json<Value>(): Value;
  respond(data: string): void;
}

/** And of @nats-io/jetstream. */
interface NatsJetStream {
  jetstreamManager(connection: NatsConnection): Promise<{
    readonly streams: { add(config: object): Promise<unknown> };
  }>;
  jetstream(connection: NatsConnection): {
    publish(subject: string, data: string, options: { readonly timeout: number }): Promise<Acknowledgement>;
  };
}

interface Acknowledgement {
  readonly seq: number;
  readonly error?: unknown;
}

const requestTimeoutMs = 30_000;
const streamSettings =
  'nats-server -js with one file-backed stream of one copy. It acknowledges a publish without a sync, so that a crash of the machine may lose it: 2.9 has no setting for that.';

export const nats: readonly Contender[] = [
  {
    system: 'nats',
    name: "NATS, the library's request",
    settings:
      'nats-server in memory; nc.request of @nats-io/transport-node (noAsyncTraces), which a subscriber of a queue group in another process answers.',
    workloads: ['a', 'b'],
    command: commandOf(import.meta.url, 'request'),
  },
  {
    system: 'nats',
    name: 'NATS, own reply inbox',
    settings:
      'nats-server in memory; the client publishes with a reply subject under one inbox of its own, which costs less than nc.request, and a subscriber of a queue group in another process answers. f: one publisher and 100 subscribers that only count bytes, each with a connection, in a process of their own.',
    workloads: ['a', 'b', 'f'],
    command: commandOf(import.meta.url, 'inbox'),
  },
  {
    system: 'nats',
    name: 'NATS JetStream',
    settings: `${streamSettings} The client awaits js.publish.`,
    workloads: ['d'],
    command: commandOf(import.meta.url, 'jetstream'),
  },
  {
    system: 'nats',
    name: 'NATS JetStream, own reply inbox',
    settings: `${streamSettings} The client publishes with a reply subject under one inbox of its own, which costs less than js.publish.`,
    workloads: ['d'],
    command: commandOf(import.meta.url, 'jetstream-inbox'),
  },
];

const ownPath = fileURLToPath(import.meta.url);

interface Server {
  readonly port: number;
  readonly server: Program;
}

async function start(...args: readonly string[]): Promise<Server> {
  const port = await freePort();
  const server = await startServer({
    name: 'nats-server',
    file: programPath('nats-server'),
    args: ['-a', host, '-p', String(port), ...args],
    ready: /Server is ready/,
  });
  return { port, server };
}

function connect(port: number): Promise<NatsConnection> {
  const { connect } = peerPackage<NatsTransport>('@nats-io/transport-node');
  return connect({ servers: `${host}:${port}`, reconnect: false, noAsyncTraces: true });
}

async function work(port: number): Promise<void> {
  const connection = await connect(port);
  const noOp = async ({ n }: BenchJob): Promise<unknown> => answerTo(n);
  connection.subscribe('no-op', {
    queue: 'workers',
    callback: (_, message) => {
      void noOp(message.json<BenchJob>()).then((answer) => message.respond(JSON.stringify(answer)));
    },
  });
  await connection.flush();
  tellReady();
}

function requestTarget(connection: NatsConnection, programs: readonly Program[]): PeerTarget {
  const timeout = requestTimeoutMs;
  return promisedTarget('NATS', programs, async (n) => {
    const message = await connection.request('no-op', JSON.stringify(benchJob(n)), { timeout });
    return message.json();
  });
}

/** Publishes job `n` with a reply subject that says `n`; what is replied must be right by `answerOf`. */
function inboxTarget(
  connection: NatsConnection,
  programs: readonly Program[],
  subject: string,
  answerOf: (n: number, reply: unknown) => unknown,
): BenchTarget {
  const { createInbox } = peerPackage<NatsTransport>('@nats-io/transport-node');
  const prefix = `${createInbox()}.`;
  const target = peerTarget('NATS', programs, (n) =>
    connection.publish(subject, JSON.stringify(benchJob(n)), { reply: `${prefix}${n}` }),
  );
  connection.subscribe(`${prefix}*`, {
    callback: (error, message) => {
      if (error !== null) return target.onFault(error);
      const n = Number(message.subject.slice(prefix.length));
      target.take(n, answerOf(n, message.json()));
    },
  });
  return target;
}

/** Requests to a worker in another process, in the way that the setting says. */
async function jobTarget(setting: string): Promise<BenchTarget> {
  const { port, server } = await start();
  const programs = [server, await startRole(ownPath, 'worker', port)];
  const connection = await connect(port);
  if (setting === 'request') return requestTarget(connection, programs);
  return inboxTarget(connection, programs, 'no-op', (_, reply) => reply);
}

/** Publishes to a stream, acknowledged. */
async function streamTarget(setting: string): Promise<BenchTarget> {
  const { port, server } = await start('-js', '-sd', dataDirectory());
  const connection = await connect(port);
  const { jetstream, jetstreamManager } = peerPackage<NatsJetStream>('@nats-io/jetstream');
  const manager = await jetstreamManager(connection);
  const subject = 'jobs.no-op';
  await manager.streams.add({ name: 'jobs', subjects: ['jobs.*'], storage: 'file', num_replicas: 1 });
  const answerOf = (n: number, { seq, error }: Acknowledgement): unknown =>
    seq > 0 && error === undefined ? answerTo(n) : { seq, error };
  if (setting === 'jetstream-inbox')
    return inboxTarget(connection, [server], subject, (n, reply) => answerOf(n, reply as Acknowledgement));
  const stream = jetstream(connection);
  const timeout = requestTimeoutMs;
  return promisedTarget('NATS JetStream', [server], async (n) =>
    answerOf(n, await stream.publish(subject, JSON.stringify(benchJob(n)), { timeout })),
  );
}

runPeer(import.meta.url, {
  measurements: {
    a: async (setting, pace) => measureJobs(await jobTarget(setting), pace),
    b: async (setting, pace) => measureOneAtATime(await jobTarget(setting), pace),
    d: async (setting, pace) =>
      measureRow(await streamTarget(setting), pace, { workload: 'd', row: 'enqueue' }),
    f: async (_, pace) => {
      const { port, server } = await start();
      await measureNatsTopics(
        { port, server, subscribers: await startRole(ownPath, 'subscribers', port) },
        pace,
      );
    },
  },
  roles: { worker: ([port]) => work(Number(port)), subscribers: ([port]) => subscribe(Number(port)) },
});
