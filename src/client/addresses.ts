import { type Address, parseAddress } from '../core/address.js';
import { RondoError } from '../core/errors.js';

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
  for (const address of addresses) parseClientAddress(address);
  return [...new Set(addresses)];
}

/** Splits `host:port`, a real port. Throws `BAD_ADDRESS`. */
export function parseClientAddress(text: string): Address {
  const address = parseAddress(text);
  if (address.port > 0) return address;
  throw new RondoError('BAD_ADDRESS', `${JSON.stringify(text)}: nobody can be reached at port 0`);
}
