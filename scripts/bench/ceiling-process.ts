import net, { type AddressInfo, type Socket } from 'node:net';
import { lineWriter, readLines } from './gathered.js';

/**
 * The processes behind the ceiling's client: sockets, lines, and the one JSON that the work itself needs. What passes a router is not looked at
 * beyond its number, as nothing is faster than that.
 *
 *     client ─id job─► router ─number job─► worker
 *     client ◄─id answer─ router ◄─number answer─ worker
 *
 *     client ─id job─► keeper            it has the line in memory, and says so
 *     client ◄─id OK─ keeper
 *
 * Run as `ceiling-process.js worker`, `... router WORKER_PORT` or `... keeper` with an IPC channel, over which it tells its port, and whose end is its own.
 */
function runWorker(): void {
  const noOp = async ({ n }: { readonly n: number }): Promise<unknown> => ({ ok: true, n });
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

function runRouter(workerPort: number): void {
  const worker = net.connect({ port: workerPort, host: '127.0.0.1', noDelay: true });
  const sendToWorker = lineWriter(worker, 'latin1');
  /** By number: who asked, and by which id. Numbers are used again, so that these stay short. */
  const senders: ((line: string) => void)[] = [];
  const ids: string[] = [];
  const free: number[] = [];
  readLines(
    worker,
    (line) => {
      const blank = line.indexOf(' ');
      const number = Number(line.slice(0, blank));
      senders[number]?.(ids[number] + line.slice(blank));
      free.push(number);
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
        const number = free.pop() ?? senders.length;
        senders[number] = send;
        ids[number] = line.slice(0, blank);
        sendToWorker(number + line.slice(blank));
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
else if (role === 'keeper') runKeeper();
else runRouter(Number(workerPort));
