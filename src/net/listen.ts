import type { Server } from 'node:net';
import { type Address, formatAddress, listenError } from '../core/address.js';

/** Binds a server, `what` in words ("the peer port"); resolves to the real `host:port`. Rejects with a RondoError ADDRESS_IN_USE or BAD_ADDRESS. */
export function listenOn(server: Server, what: string, { host, port }: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(what, { host, port }, error));
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.removeListener('error', onError);
      const bound = server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve(formatAddress({ host, port: boundPort }));
    });
  });
}
