import net from 'node:net';
import { parseAddress } from '../../test/support/line-connection.js';
import { lineWriter, readLines } from './gathered.js';
import { type BenchProcess, type BenchTarget, benchJob } from './target.js';

export interface LineTargetParts {
  readonly name: string;
  /** A node's address for clients. */
  readonly client: string;
  readonly processes: readonly BenchProcess[];
  /** What is asked, without the job's arguments: `RUN echo ttl=0s`. */
  readonly request: string;
  /** Throws where that is not how job `n` should be answered; `text` is what stands behind OK. */
  readonly check: (n: number, text: string) => void;
  readonly stop: () => Promise<void>;
}

/** A node that is asked over the line protocol, on one connection. */
export function lineTarget({ name, client, processes, request, check, stop }: LineTargetParts): BenchTarget {
  const socket = net.connect({ ...parseAddress(client), noDelay: true });
  const write = lineWriter(socket);
  const target: BenchTarget = {
    name,
    processes,
    send: (n) => write(`@${n} ${request} ${JSON.stringify(benchJob(n))}`),
    onAnswer: () => {},
    onFault: () => {},
    stop: async () => {
      socket.destroy();
      await stop();
    },
  };
  readLines(socket, (line) => {
    try {
      const match = /^@(\d+) OK (.*)$/.exec(line);
      if (match === null) throw new Error(`Rondo answered: ${line}`);
      const n = Number(match[1]);
      check(n, match[2] as string);
      target.onAnswer(n);
    } catch (error) {
      target.onFault(error as Error);
    }
  });
  socket.on('error', (error) => target.onFault(error));
  socket.on('close', () => target.onFault(new Error('the node closed the connection')));
  return target;
}
