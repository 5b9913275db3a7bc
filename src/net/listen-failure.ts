import { RondoError } from '../core/errors.js';

/** What failed when a port was opened, in words that say what to do: `ADDRESS_IN_USE` or `BAD_ADDRESS`. */
export function listenFailure(what: string, address: string, cause: NodeJS.ErrnoException): RondoError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new RondoError(
        'ADDRESS_IN_USE',
        `${what} ${address} is in use: end the program that has it, or choose another (port 0 picks a free one)`,
        { cause },
      );
    case 'EACCES':
      return new RondoError(
        'BAD_ADDRESS',
        `${what} ${address} may not be opened by this user: choose a port from 1024 on`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
      return new RondoError(
        'BAD_ADDRESS',
        `${what} ${address} is no address of this machine: choose one of its own, or 127.0.0.1`,
        { cause },
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new RondoError('BAD_ADDRESS', `${what} ${address} has a host name that can't be resolved`, {
        cause,
      });
    default:
      return new RondoError('BAD_ADDRESS', `${what} ${address} can't be opened: ${cause.message}`, { cause });
  }
}
