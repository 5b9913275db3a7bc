import net from 'node:net';
import { parseAddress } from '../../test/support/line-connection.js';
import { lineWriter, readLines } from './gathered.js';
import { type BenchProcess, type BenchTarget, benchJob } from './target.js';

export interface LineTargetParts {
  readonly name: string;
  /** A node's address for clients. */
  readonly client: string;
  readonly processes: readonly BenchProcess[];
  /** What is asked, without the job's arguments: `RUN noop ttl=0s`. */
  readonly request: string | ((n: number) => string);
  /** Its arguments, as JSON; when not said, those of `benchJob`. */
  readonly argumentsOf?: (n: number) => string;
  /** Throws where that is not how job `n` should be answered; `text` is what stands behind OK. */
  readonly check: (n: number, text: string) => void;
  readonly stop: () => Promise<void>;
}

/** A node that is asked over the line protocol, on one connection. */
export function lineTarget(parts: LineTargetParts): BenchTarget {
  const { name, client, processes, request, check, stop } = parts;
  const { argumentsOf = (n) => JSON.stringify(benchJob(n)) } = parts;
  const socket = net.connect({ ...parseAddress(client), noDelay: true });
  const write = lineWriter(socket);
  const requestOf = typeof request === 'string' ? () => request : request;
  const target: BenchTarget = {
    name,
    processes,
    send: (n) => write(`@${n} ${requestOf(n)} ${argumentsOf(n)}`),
    onAnswer: () => {},
    onFault: () => {},
    stop: async () => {
      socket.destroy();
      await stop();
    },
  };
  readLines(socket, (line) => {
    try {
      // `@17 OK ...`; searched by hand, since this process is measured, too.
      const blank = line.indexOf(' ');
      if (!line.startsWith('OK ', blank + 1)) throw new Error(`Rondo answered: ${line}`);
      const n = Number(line.slice(1, blank));
      check(n, line.slice(blank + 4));
      target.onAnswer(n);
    } catch (error) {
      target.onFault(error as Error);
    }
  });
  socket.on('error', (error) => target.onFault(error));
  socket.on('close', () => target.onFault(new Error('the node closed the connection')));
  return target;
}
