import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pace } from '../contender-process.js';
import { quantiles } from '../load.js';
import { cpuMeter, tell } from './peer-measures.js';
import { host, type Program, tellReady } from './peer-programs.js';

/** Those who subscribe are in a process of their own, each with a connection. */
const subscriberCount = 100;
const messageBytes = 100;
/** So many messages may be on their way to the publisher's own subscriber: what is measured is what is carried, not what is queued. */
const aheadMax = 1_000;
const batch = 100;
const drainLimitMs = 10_000;
const subject = 'bench';
const payload = '0'.repeat(messageBytes);
const request = `PUB ${subject} ${messageBytes}\r\n${payload}\r\n`;
const arrivalBytes = `MSG ${subject} 1 ${messageBytes}\r\n${payload}\r\n`.length;

export interface Topics {
  readonly port: number;
  readonly server: Program;
  /** The process of `subscribe`. */
  readonly subscribers: Program;
}

/** Workload f: one publisher, and subscribers that count bytes and do nothing else, as for the other systems. */
export async function measureNatsTopics(
  { port, server, subscribers }: Topics,
  { isQuick, warmUpMs, measureMs }: Pace,
): Promise<void> {
  const publisher = await open(port, '');
  const own = await Subscriber.open(port);
  await publishFor(warmUpMs, publisher, own, subscribers);
  const readCpu = cpuMeter({
    publisher: process.pid,
    'nats-server': server.pid,
    subscribers: subscribers.pid,
  });
  const { messages, elapsedMs } = await publishFor(measureMs, publisher, own, subscribers);
  tell({
    workload: 'f',
    row: `${subscriberCount} subscribers`,
    metric: 'rate',
    unit: 'messages/s',
    value: (messages / elapsedMs) * 1_000,
    cpuMicros: readCpu(messages),
  });

  subscribers.child.send('leave');
  await once(subscribers.child, 'message');
  const { p50Ms, p99Ms } = quantiles(await measureAlone(publisher, own, isQuick ? 500 : 2_000));
  const alone = { workload: 'f', row: 'one at a time', unit: 'µs' } as const;
  tell({ ...alone, metric: 'p50', value: p50Ms * 1_000 });
  tell({ ...alone, metric: 'p99', value: p99Ms * 1_000 });
}

/** The role of the process of subscribers: at each word it tells how many bytes have come to the one that has the fewest. */
export async function subscribe(port: number): Promise<void> {
  const all = await Promise.all(Array.from({ length: subscriberCount }, () => Subscriber.open(port)));
  process.on('message', (word) => {
    if (word === 'leave') for (const { socket } of all) socket.destroy();
    process.send?.(Math.min(...all.map(({ bytes }) => bytes)));
  });
  tellReady();
}

/** Ends when every subscriber has every message. */
async function publishFor(
  durationMs: number,
  publisher: Socket,
  own: Subscriber,
  subscribers: Program,
): Promise<{ readonly messages: number; readonly elapsedMs: number }> {
  const fewestBefore = await fewestBytes(subscribers);
  const ownBefore = own.bytes;
  const startedAtMs = performance.now();
  let messages = 0;
  while (performance.now() - startedAtMs < durationMs) {
    await own.until(ownBefore + (messages - aheadMax) * arrivalBytes);
    publisher.write(request.repeat(batch));
    messages += batch;
  }
  const deadlineMs = performance.now() + drainLimitMs;
  while ((await fewestBytes(subscribers)) - fewestBefore < messages * arrivalBytes) {
    if (performance.now() > deadlineMs) throw new Error('a subscriber has not got every message');
    await delay(2);
  }
  return { messages, elapsedMs: performance.now() - startedAtMs };
}

async function fewestBytes({ child }: Program): Promise<number> {
  child.send('bytes');
  return (await once(child, 'message'))[0] as number;
}

/** One message at a time to the publisher's own subscriber alone. In ms. */
async function measureAlone(publisher: Socket, own: Subscriber, count: number): Promise<number[]> {
  const latencies: number[] = [];
  const warmUp = count / 10;
  for (let index = 0; index < count + warmUp; index++) {
    const startedAtMs = performance.now();
    publisher.write(request);
    await own.until(own.bytes + arrivalBytes);
    if (index >= warmUp) latencies.push(performance.now() - startedAtMs);
  }
  return latencies;
}

/** Counts the bytes of messages. */
class Subscriber {
  bytes = 0;
  private waiting: { readonly bytes: number; readonly resolve: () => void } | null = null;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (this.waiting === null || this.bytes < this.waiting.bytes) return;
      this.waiting.resolve();
      this.waiting = null;
    });
  }

  static async open(port: number): Promise<Subscriber> {
    return new Subscriber(await open(port, `SUB ${subject} 1\r\n`));
  }

  until(bytes: number): Promise<void> {
    if (this.bytes >= bytes) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting = { bytes, resolve };
    });
  }
}

/** A connection that has said these commands, and whose server has carried them out. */
async function open(port: number, commands: string): Promise<Socket> {
  const socket = net.connect({ port, host, noDelay: true });
  // One that the server closes gets nothing more, which shows in what has come.
  socket.on('error', () => socket.destroy());
  socket.write(`CONNECT {"verbose":false,"pedantic":false}\r\n${commands}PING\r\n`);
  let greeting = '';
  while (!greeting.endsWith('PONG\r\n')) greeting += (await once(socket, 'data'))[0];
  return socket;
}
