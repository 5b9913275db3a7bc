import { RondoError } from '../core/errors.js';

/** Where a node's clients reach it. */
export interface ClientAddress {
  readonly host: string;
  readonly port: number;
}

/** How many addresses one client takes; more is a mistake in the list. */
export const addressesMax = 1_000;

/**
 * Reads a list `HOST:PORT[,HOST:PORT...]`, an IPv6 host in brackets (`[::1]:7411`). Blanks around a comma are allowed, an
 * address given twice counts once. Throws `BAD_ADDRESS`, naming the one that is wrong.
 */
export function parseAddressList(text: string): string[] {
  const addresses = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (addresses.length === 0)
    throw new RondoError('BAD_ADDRESS', 'the list of nodes is empty: give HOST:PORT');
  if (addresses.length > addressesMax) {
    throw new RondoError('BAD_ADDRESS', `at most ${addressesMax} nodes can be listed`);
  }
  for (const address of addresses) parseAddress(address);
  return [...new Set(addresses)];
}

/** Splits `host:port`. Throws `BAD_ADDRESS`. */
export function parseAddress(text: string): ClientAddress {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RondoError(
      'BAD_ADDRESS',
      `${JSON.stringify(text)} is not an address: write HOST:PORT, for example 127.0.0.1:7411`,
    );
  }
  return { host, port };
}
