import { RondoError } from './errors.js';
import { limits } from './limits.js';

/** Where something listens or is dialled. `host` carries no brackets; port 0 asks for a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** RFC 1123 labels; an underscore is let through, because container networks use it in names. */
const namePattern =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*$/;
const ipv4Pattern = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const dottedNumbersPattern = /^[\d.]+$/;
/** The letters of an IPv6 address; whether they make one is for the system to say when it listens or dials. */
const ipv6Pattern = /^(?=.*:.*:)[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,16})?$/;

/** Reads `host:port`, where host is an IPv4 address, an IPv6 one in brackets, or a name. Throws `BAD_ADDRESS`. */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  const portText = text.slice(colon + 1);
  if (colon <= 0 || portText === '' || text.endsWith(']')) {
    throw badAddress(text, 'it has no port; write host:port, such as 127.0.0.1:7410');
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) throw badAddress(text, 'its port must be a whole number from 0 to 65535');
  return { host: parseHost(text, text.slice(0, colon)), port };
}

/** The same for an address off the wire, where a bad one is no error to explain: null. */
export function readAddress(text: string): Address | null {
  if (text.length > limits.addressLengthMax) return null;
  try {
    return parseAddress(text);
  } catch {
    return null;
  }
}

/** The inverse of `parseAddress`. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only this machine can reach it. A name other than localhost is not: what it resolves to may change. */
export function isLoopback(host: string): boolean {
  const lower = host.toLowerCase();
  if (lower === 'localhost' || lower.endsWith('.localhost')) return true;
  const ipv4 = lower.startsWith('::ffff:') ? lower.slice('::ffff:'.length) : lower;
  if (ipv4Pattern.test(ipv4)) return ipv4.startsWith('127.');
  return lower === '::1' || lower === '0:0:0:0:0:0:0:1';
}

/** Whether it stands for every address of this machine: one can listen on it, and nobody can dial it. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^(?:::|(?:0+:){7}0+|::ffff:0\.0\.0\.0)$/i.test(host);
}

/** Turns what `server.listen` failed with into `ADDRESS_IN_USE` or `BAD_ADDRESS`; `what` names the port: "the HTTP port". */
export function listenError(what: string, address: Address, cause: NodeJS.ErrnoException): RondoError {
  const where = formatAddress(address);
  switch (cause.code) {
    case 'EADDRINUSE':
      return new RondoError(
        'ADDRESS_IN_USE',
        `${what} ${where} is in use by another program; choose another, or port 0 for a free one`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
      return new RondoError('BAD_ADDRESS', `${what} ${where} is not an address of this machine`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new RondoError(
        'BAD_ADDRESS',
        `${what} ${where} may not be used by this user; ports under 1024 need rights`,
        { cause },
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new RondoError('BAD_ADDRESS', `${what} ${where}: this name does not resolve`, { cause });
    default:
      return new RondoError('BAD_ADDRESS', `${what} ${where} can't be opened: ${cause.message}`, { cause });
  }
}

function parseHost(text: string, host: string): string {
  if (host.startsWith('[') && host.endsWith(']')) {
    const inside = host.slice(1, -1);
    if (!ipv6Pattern.test(inside)) throw badAddress(text, 'what stands in brackets is not an IPv6 address');
    return inside;
  }
  if (host.includes(':')) throw badAddress(text, 'an IPv6 address stands in brackets, such as [::1]:7410');
  if (dottedNumbersPattern.test(host) ? ipv4Pattern.test(host) : namePattern.test(host)) return host;
  throw badAddress(text, 'its host is neither an IP address nor a name');
}

/** JSON.stringify shows control characters as escapes, so a hostile text can't break a log line. */
function badAddress(text: string, reason: string): RondoError {
  return new RondoError('BAD_ADDRESS', `${JSON.stringify(text.slice(0, 100))} is not an address: ${reason}`);
}
