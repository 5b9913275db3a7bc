import net, { type AddressInfo, type Socket } from 'node:net';
import { frameWriter, lineWriter, readFrames, readLines } from './gathered.js';

/**
 * The two processes behind the ceiling's client, with nothing but sockets and codecs:
 *
 *     client ─[id, job] a line─► router ─[number, job] a frame─► worker
 *     client ◄─[id, job] a line─ router ◄─[number, job] a frame─ worker
 *
 * Run as `ceiling-process.js worker` or `ceiling-process.js router WORKER_PORT` with an IPC channel, over which it
 * tells its port, and whose end is its own.
 */
type Message = readonly [id: number, job: unknown];

function runWorker(): void {
  serve((socket) => {
    const send = frameWriter(socket);
    const noOp = async (job: unknown): Promise<unknown> => job;
    readFrames(socket, (message) => {
      const [number, job] = message as Message;
      void noOp(job).then((result) => send([number, result]));
    });
  });
}

function runRouter(workerPort: number): void {
  const waiting = new Map<number, (job: unknown) => void>();
  const worker = net.connect({ port: workerPort, host: '127.0.0.1', noDelay: true });
  const sendToWorker = frameWriter(worker);
  let count = 0;
  readFrames(worker, (message) => {
    const [number, job] = message as Message;
    waiting.get(number)?.(job);
    waiting.delete(number);
  });
  worker.on('error', () => process.exit(1));
  serve((client) => {
    const send = lineWriter(client);
    readLines(client, (line) => {
      const [id, job] = JSON.parse(line) as Message;
      const number = ++count;
      waiting.set(number, (result) => send(JSON.stringify([id, result])));
      sendToWorker([number, job]);
    });
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
else runRouter(Number(workerPort));
