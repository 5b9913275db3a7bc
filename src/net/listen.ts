import type { Server } from 'node:net';
import { formatAddress } from '../core/address.js';
import { RondoError } from '../core/errors.js';

/** Binds a server; resolves to the real `host:port`. Rejects with a RondoError ADDRESS_IN_USE or BAD_ADDRESS. */
export function listenOn(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(listenError(error, formatAddress({ host, port })));
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.removeListener('error', onError);
      const bound = server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve(formatAddress({ host, port: boundPort }));
    });
  });
}

function listenError(error: NodeJS.ErrnoException, address: string): RondoError {
  if (error.code === 'EADDRINUSE') {
    return new RondoError(
      'ADDRESS_IN_USE',
      `${address} is in use; choose another port, or 0 for a free one`,
      {
        cause: error,
      },
    );
  }
  const reason = error.code ?? error.message;
  return new RondoError('BAD_ADDRESS', `can't listen on ${address}: ${reason}`, { cause: error });
}
