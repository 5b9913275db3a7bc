import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Pace } from '../contender-process.js';
import type { Contender } from '../figures.js';
import { benchJob } from '../target.js';
import {
  answerTo,
  commandOf,
  measureIdle,
  measureJobs,
  measureOneAtATime,
  type PeerTarget,
  promisedTarget,
  runPeer,
} from './peer-measures.js';
import { freePort, host, type Program, peerPackage, startRole, tellReady } from './peer-programs.js';

/** What is used of the package. */
interface Moleculer {
  readonly ServiceBroker: new (options: object) => Broker;
}

interface Broker {
  readonly registry: {
    readonly nodes: { readonly localNode: { ipList: string[]; hostname: string } };
    getNodeList(options: { readonly onlyAvailable: boolean }): readonly unknown[];
  };
  createService(schema: object): void;
  start(): Promise<void>;
  waitForServices(name: string, timeoutMs: number): Promise<unknown>;
  call(action: string, params: unknown): Promise<unknown>;
}

type Serializer = 'JSON' | 'Notepack';

const idleNodes = 8;
const knownLimitMs = 30_000;
const serviceTimeoutMs = 20_000;

const settingsOf = (serializer: Serializer): string =>
  `Two Moleculer nodes by its TCP transporter with the ${serializer} serializer; addresses given, no UDP discovery; neither logger nor metrics, tracing, validator and middlewares. The client is a node, and calls an action of the other one: nothing lies between.`;

export const moleculer: readonly Contender[] = [
  {
    system: 'moleculer',
    name: 'Moleculer TCP, JSON',
    settings: `${settingsOf('JSON')} k: ${idleNodes} nodes that know each other, each with one service, the median of them.`,
    workloads: ['a', 'b', 'k'],
    command: commandOf(import.meta.url, 'JSON'),
  },
  {
    system: 'moleculer',
    name: 'Moleculer TCP, Notepack',
    settings: settingsOf('Notepack'),
    workloads: ['a', 'b'],
    command: commandOf(import.meta.url, 'Notepack'),
  },
];

interface NodeOptions {
  readonly name: string;
  readonly port: number;
  /** Of all, as `host:port/name`. */
  readonly urls: readonly string[];
  readonly serializer: Serializer;
}

function createNode({ name, port, urls, serializer }: NodeOptions): Broker {
  listenOnLoopback();
  const { ServiceBroker } = peerPackage<Moleculer>('moleculer');
  const broker = new ServiceBroker({
    nodeID: name,
    logger: false,
    metrics: false,
    tracing: false,
    validator: false,
    internalServices: false,
    internalMiddlewares: false,
    serializer,
    transporter: { type: 'TCP', options: { port, udpDiscovery: false, urls: [...urls] } },
  });
  // What it tells others about itself must be where it listens: else they learn an address that takes no connection, and drop it again and again.
  const { localNode } = broker.registry.nodes;
  localNode.ipList = [host];
  localNode.hostname = host;
  return broker;
}

/** Its TCP server takes no address, and would listen on all. */
function listenOnLoopback(): void {
  const { prototype } = net.Server;
  const listen = prototype.listen as (this: net.Server, ...args: unknown[]) => net.Server;
  prototype.listen = function (this: net.Server, options: unknown, ...rest: unknown[]) {
    const isOptions = typeof options === 'object' && options !== null && 'port' in options;
    return listen.call(this, isOptions ? { host, ...options } : options, ...rest);
  } as typeof prototype.listen;
}

async function work(options: NodeOptions): Promise<void> {
  const broker = createNode(options);
  const run = async ({ params }: { readonly params: { readonly n: number } }): Promise<unknown> =>
    answerTo(params.n);
  broker.createService({ name: 'no-op', actions: { run } });
  await broker.start();
  // Whoever asks hears how many nodes are there, this one among them.
  process.on('message', () => process.send?.(broker.registry.getNodeList({ onlyAvailable: true }).length));
  tellReady();
}

function startNode({ name, port, urls, serializer }: NodeOptions): Promise<Program> {
  return startRole(fileURLToPath(import.meta.url), 'node', name, port, urls.join(','), serializer);
}

async function addressesOf(names: readonly string[]): Promise<{ ports: number[]; urls: string[] }> {
  const ports: number[] = [];
  for (const _ of names) ports.push(await freePort());
  return { ports, urls: names.map((name, index) => `${host}:${ports[index]}/${name}`) };
}

async function callTarget(serializer: Serializer): Promise<PeerTarget> {
  const { ports, urls } = await addressesOf(['client', 'worker']);
  const [port = 0, workerPort = 0] = ports;
  const worker = await startNode({ name: 'worker', port: workerPort, urls, serializer });
  const broker = createNode({ name: 'client', port, urls, serializer });
  await broker.start();
  await broker.waitForServices('no-op', serviceTimeoutMs);
  const programs = [{ ...worker, name: 'worker' }];
  return promisedTarget('Moleculer', programs, (n) => broker.call('no-op.run', benchJob(n)));
}

async function measureNodes(serializer: Serializer, pace: Pace): Promise<void> {
  const names = Array.from({ length: idleNodes }, (_, index) => `node-${index + 1}`);
  const { ports, urls } = await addressesOf(names);
  const nodes: Program[] = [];
  for (const [index, name] of names.entries())
    nodes.push(await startNode({ name, port: ports[index] ?? 0, urls, serializer }));
  const deadlineMs = performance.now() + knownLimitMs;
  while (!(await areAllKnown(nodes))) {
    if (performance.now() > deadlineMs)
      throw new Error(`the nodes don't all know each other after ${knownLimitMs / 1_000} s`);
    await delay(100);
  }
  await measureIdle({ idle: nodes }, pace);
  if (!(await areAllKnown(nodes))) throw new Error('a node has lost another one while they were idle');
}

async function areAllKnown(nodes: readonly Program[]): Promise<boolean> {
  const counts = await Promise.all(
    nodes.map(
      ({ child }) =>
        new Promise<unknown>((resolve) => {
          child.once('message', resolve);
          child.send('how many?');
        }),
    ),
  );
  return counts.every((count) => count === nodes.length);
}

runPeer(import.meta.url, {
  measurements: {
    a: async (serializer, pace) => measureJobs(await callTarget(serializer as Serializer), pace),
    b: async (serializer, pace) => measureOneAtATime(await callTarget(serializer as Serializer), pace),
    k: (serializer, pace) => measureNodes(serializer as Serializer, pace),
  },
  roles: {
    node: ([name = '', port, urls = '', serializer]) =>
      work({ name, port: Number(port), urls: urls.split(','), serializer: serializer as Serializer }),
  },
});
