import net, { type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { frameWriter, lineWriter, readFrames, readLines, turnGatherer } from './gathered.js';
import { noOp } from './no-op.js';

/**
 * The processes behind the ceilings' clients: sockets and codecs, and nothing else.
 *
 *     client ─[id, job] as JSON─► router ─[number, job] as msgpack─► worker       what Rondo's path is made of, with no work in it
 *     client ◄─[id, answer]────── router ◄─[number, answer]───────── worker
 *
 *     client ◄───────► router ◄─────────────────────► threaded worker ◄─[number, job or answer, ...]─► thread      handlers that can't hold up the worker
 *
 *     client ─id job─► byte router ─number job─► byte worker         what passes the router is not looked at beyond its number: nothing
 *     client ◄─id answer─ byte router ◄─number answer─ byte worker    between two processes is faster
 *
 *     client ─id job─► keeper            it has the line in memory, and says so
 *     client ◄─id OK─ keeper
 *
 * Run as `ceiling-process.js worker`, `... threaded-worker`, `... router WORKER_PORT`, `... byte-worker`, `... byte-router WORKER_PORT` or `... keeper` with an IPC channel, over which it tells its
 * port, and whose end is its own.
 */
type Message = readonly [id: number, content: unknown];

function runWorker(): void {
  serve((socket) => {
    const send = frameWriter(socket);
    readFrames(socket, (message) => {
      const [number, job] = message as Message;
      void noOp(job as { readonly n: number }).then((answer) => send([number, answer]));
    });
  });
}

function runThreadedWorker(): void {
  const thread = new Worker(new URL('./ceiling-thread.js', import.meta.url));
  const waiting = new Waiting<(answer: unknown) => void>();
  const hand = turnGatherer((batch) => thread.postMessage(batch));
  thread.on('message', (batch: readonly unknown[]) => {
    for (let at = 0; at < batch.length; at += 2) waiting.take(batch[at] as number)(batch[at + 1]);
  });
  thread.on('error', () => process.exit(1));
  serve((socket) => {
    const send = frameWriter(socket);
    readFrames(socket, (message) => {
      const [number, job] = message as Message;
      hand(
        waiting.add((answer) => send([number, answer])),
        job,
      );
    });
  });
}

function runRouter(workerPort: number): void {
  const worker = net.connect({ port: workerPort, host: '127.0.0.1', noDelay: true });
  const sendToWorker = frameWriter(worker);
  const waiting = new Waiting<(answer: unknown) => void>();
  readFrames(worker, (message) => {
    const [number, answer] = message as Message;
    waiting.take(number)(answer);
  });
  worker.on('error', () => process.exit(1));
  serve((client) => {
    const send = lineWriter(client);
    readLines(client, (line) => {
      const [id, job] = JSON.parse(line) as Message;
      sendToWorker([waiting.add((answer) => send(JSON.stringify([id, answer]))), job]);
    });
  });
}

/** What waits for its answer, by number. Numbers are used again, so that the list stays short. */
class Waiting<Entry> {
  private readonly entries: Entry[] = [];
  private readonly free: number[] = [];

  add(entry: Entry): number {
    const number = this.free.pop() ?? this.entries.length;
    this.entries[number] = entry;
    return number;
  }

  take(number: number): Entry {
    this.free.push(number);
    return this.entries[number] as Entry;
  }
}

function runByteWorker(): void {
  serve((socket) => {
    const send = lineWriter(socket, 'latin1');
    readLines(
      socket,
      (line) => {
        const blank = line.indexOf(' ');
        const number = line.slice(0, blank);
        void noOp(JSON.parse(line.slice(blank + 1))).then((answer) =>
          send(`${number} ${JSON.stringify(answer)}`),
        );
      },
      'latin1',
    );
  });
}

function runByteRouter(workerPort: number): void {
  const worker = net.connect({ port: workerPort, host: '127.0.0.1', noDelay: true });
  const sendToWorker = lineWriter(worker, 'latin1');
  const waiting = new Waiting<{ readonly send: (line: string) => void; readonly id: string }>();
  readLines(
    worker,
    (line) => {
      const blank = line.indexOf(' ');
      const { send, id } = waiting.take(Number(line.slice(0, blank)));
      send(id + line.slice(blank));
    },
    'latin1',
  );
  worker.on('error', () => process.exit(1));
  serve((client) => {
    const send = lineWriter(client, 'latin1');
    readLines(
      client,
      (line) => {
        const blank = line.indexOf(' ');
        sendToWorker(waiting.add({ send, id: line.slice(0, blank) }) + line.slice(blank));
      },
      'latin1',
    );
  });
}

function runKeeper(): void {
  const kept = new Map<number, string>();
  serve((client) => {
    const send = lineWriter(client, 'latin1');
    readLines(
      client,
      (line) => {
        kept.set(kept.size, line);
        send(`${line.slice(0, line.indexOf(' '))} OK`);
      },
      'latin1',
    );
  });
}

function serve(onConnection: (socket: Socket) => void): void {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

process.on('disconnect', () => process.exit(0));
const [role, workerPort] = process.argv.slice(2);
if (role === 'worker') runWorker();
else if (role === 'threaded-worker') runThreadedWorker();
else if (role === 'byte-worker') runByteWorker();
else if (role === 'keeper') runKeeper();
else if (role === 'router') runRouter(Number(workerPort));
else runByteRouter(Number(workerPort));
