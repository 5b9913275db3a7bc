import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { startCluster } from '../../test/support/cluster.js';
import { parseAddress } from '../../test/support/line-connection.js';
import { cpuMs, residentPeakMiB } from './proc.js';
import type { SubscriberSocket } from './topics-subscribers-process.js';

export interface TopicsLoad {
  readonly nodes: number;
  readonly subscribers: number;
  /** So many, or as many as are published within `measureMs`. */
  readonly messages: number;
  readonly measureMs?: number;
  /** Of JSON, each. */
  readonly bytes: number;
}

export interface TopicsFigures {
  /** From the publisher's write to the subscriber's read, one message at a time. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Processor time of all that pass messages on, a message. */
  readonly cpuUsPerMessage: number;
  readonly residentPeakMiB: number;
}

/** Who passes messages on, as its clients see it. */
interface Target {
  readonly pids: readonly number[];
  /** Where subscribers are spread over. */
  readonly addresses: readonly string[];
  readonly greeting: string;
  readonly answerBytes: number;
  /** Where the publisher goes, what it says first, and how many bytes are the answer to that. */
  readonly publisher: { readonly address: string; readonly greeting: string };
  request(payload: string): string;
  /** How the message arrives. */
  arrival(payload: string): string;
}

const topic = 'bench';
const subscriberProcesses = 2;
const latencyCount = 2_000;
/** So many messages may be on their way to the publisher's own subscribers: what is measured is what is carried, not what is queued. */
const aheadMax = 1_000;
const subscribersPath = fileURLToPath(new URL('./topics-subscribers-process.js', import.meta.url));
const relayPath = fileURLToPath(new URL('./topics-relay-process.js', import.meta.url));

/** Nodes, and after them a process that passes the same bytes on without looking at them. */
export async function measureTopics(
  load: TopicsLoad,
): Promise<{ rondo: TopicsFigures; relay: TopicsFigures }> {
  return { rondo: await measureRondoTopics(load), relay: await measureRelayTopics(load) };
}

export async function measureRondoTopics(load: TopicsLoad): Promise<TopicsFigures> {
  const cluster = await startCluster({ nodes: load.nodes, args: ['--log-level', 'warn', '--no-journal'] });
  try {
    const clients = cluster.nodes.map(({ client }) => client);
    const subscribed = `* subscribed {"topics":["${topic}"]}\n`;
    return await withChildren((start) =>
      measureTarget(load, start, {
        pids: cluster.nodes.map(({ pid }) => pid),
        addresses: clients,
        greeting: `SUBSCRIBE ${topic}\n`,
        answerBytes: subscribed.length,
        publisher: { address: clients[0] as string, greeting: '' },
        request: (payload) => `PUBLISH ${topic} ${payload}\n`,
        arrival: messageLine,
      }),
    );
  } finally {
    await cluster.stop();
  }
}

export function measureRelayTopics(load: TopicsLoad): Promise<TopicsFigures> {
  return withChildren(async (start) => {
    const relayProcess = start(relayPath);
    const address = `127.0.0.1:${(await once(relayProcess, 'message'))[0]}`;
    return measureTarget(load, start, {
      pids: [relayProcess.pid as number],
      addresses: [address],
      greeting: 'S',
      answerBytes: 1,
      publisher: { address, greeting: 'P' },
      request: messageLine,
      arrival: messageLine,
    });
  });
}

/** What it has started is ended when it is over. */
async function withChildren<Result>(
  run: (start: (path: string) => ChildProcess) => Promise<Result>,
): Promise<Result> {
  const children: ChildProcess[] = [];
  const endAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', endAll);
  try {
    return await run((path) => {
      const child = fork(path);
      children.push(child);
      return child;
    });
  } finally {
    endAll();
    process.off('exit', endAll);
  }
}

async function measureTarget(
  load: TopicsLoad,
  start: (path: string) => ChildProcess,
  target: Target,
): Promise<TopicsFigures> {
  const own = await Promise.all(target.addresses.map((address) => OwnSubscriber.connect(target, address)));
  const publisher = await connect(target.publisher.address);
  publisher.on('data', () => {});
  if (target.publisher.greeting !== '') {
    publisher.write(target.publisher.greeting);
    await once(publisher, 'data');
  }
  const last = own[own.length - 1] as OwnSubscriber;
  await settle();
  const latencyMs = await measureLatency(target, publisher, last, load.bytes);

  const processes = Array.from({ length: subscriberProcesses }, () => start(subscribersPath));
  await Promise.all(processes.map((process, index) => begin(process, target, load.subscribers, index)));
  await settle();
  const cpuBefore = sum(target.pids.map(cpuMs));
  const startedAtMs = performance.now();
  const messages = await publishAll(target, publisher, own, load);
  const lineBytes = target.arrival(payloadOf(0, load.bytes)).length;
  const wanted = messages * load.subscribers * lineBytes;
  while (sum(await Promise.all(processes.map(bytesOf))) < wanted) await pause(2);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const cpu = sum(target.pids.map(cpuMs)) - cpuBefore;
  for (const process of processes) process.kill('SIGKILL');
  for (const { socket } of own) socket.destroy();
  publisher.destroy();
  return {
    latencyMs,
    messagesPerSecond: messages / seconds,
    deliveriesPerSecond: (messages * load.subscribers) / seconds,
    cpuUsPerMessage: (cpu * 1_000) / messages,
    residentPeakMiB: Math.max(...target.pids.map(residentPeakMiB)),
  };
}

async function measureLatency(
  target: Target,
  publisher: net.Socket,
  subscriber: OwnSubscriber,
  bytes: number,
): Promise<TopicsFigures['latencyMs']> {
  const times: number[] = [];
  const lineBytes = target.arrival(payloadOf(0, bytes)).length;
  for (let index = 0; index < latencyCount + 200; index++) {
    const arrived = subscriber.until(subscriber.bytes + lineBytes);
    const startMs = performance.now();
    publisher.write(target.request(payloadOf(index, bytes)));
    await arrived;
    if (index >= 200) times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  return { p50: times[latencyCount / 2] as number, p99: times[Math.floor(latencyCount * 0.99)] as number };
}

/** As fast as the slowest of the publisher's own subscribers, one a node, gets them. Resolves to how many there were. */
async function publishAll(
  target: Target,
  publisher: net.Socket,
  own: readonly OwnSubscriber[],
  { messages, measureMs = Number.POSITIVE_INFINITY, bytes }: TopicsLoad,
): Promise<number> {
  const lineBytes = target.arrival(payloadOf(0, bytes)).length;
  const before = own.map((subscriber) => subscriber.bytes);
  const endsAtMs = performance.now() + measureMs;
  const batch = 100;
  let sent = 0;
  while (sent < messages && performance.now() < endsAtMs) {
    const floor = (sent - aheadMax) * lineBytes;
    await Promise.all(own.map((subscriber, index) => subscriber.until((before[index] as number) + floor)));
    const end = Math.min(messages, sent + batch);
    let text = '';
    for (; sent < end; sent++) text += target.request(payloadOf(sent, bytes));
    publisher.write(text);
  }
  return sent;
}

/** A subscriber in this process, that waits for bytes. */
class OwnSubscriber {
  bytes = 0;
  private waiting: { readonly bytes: number; readonly resolve: () => void } | null = null;

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (chunk) => {
      this.bytes += chunk.length;
      if (this.waiting === null || this.bytes < this.waiting.bytes) return;
      this.waiting.resolve();
      this.waiting = null;
    });
  }

  static async connect({ greeting, answerBytes }: Target, address: string): Promise<OwnSubscriber> {
    const subscriber = new OwnSubscriber(await connect(address));
    subscriber.socket.write(greeting);
    await subscriber.until(answerBytes);
    return subscriber;
  }

  until(bytes: number): Promise<void> {
    if (this.bytes >= bytes) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting = { bytes, resolve };
    });
  }
}

async function begin(
  process: ChildProcess,
  target: Target,
  subscribers: number,
  index: number,
): Promise<void> {
  const sockets: SubscriberSocket[] = [];
  for (let number = index; number < subscribers; number += subscriberProcesses) {
    // One after the other to each node, whichever process they are in.
    const address = target.addresses[number % target.addresses.length] as string;
    sockets.push({ address, greeting: target.greeting, answerBytes: target.answerBytes });
  }
  process.send(sockets);
  await once(process, 'message');
}

async function bytesOf(process: ChildProcess): Promise<number> {
  process.send('bytes');
  return (await once(process, 'message'))[0] as number;
}

async function connect(address: string): Promise<net.Socket> {
  const socket = net.connect({ ...parseAddress(address), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** All of one length. */
function payloadOf(index: number, bytes: number): string {
  return JSON.stringify(String(index).padStart(Math.max(10, bytes - 2), '0'));
}

function messageLine(payload: string): string {
  return `* message {"topic":"${topic}","data":${payload}}\n`;
}

/** For other nodes to hear of the subscriptions. */
function settle(): Promise<void> {
  return pause(1_000);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
