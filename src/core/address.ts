import { limits } from './limits.js';

/** Where something listens, taken apart. */
export interface Address {
  /** A name or an IP address; IPv6 without its brackets. */
  readonly host: string;
  /** 0 to 65535; 0 asks for a free port and is no address to dial. */
  readonly port: number;
}

const addressPattern =
  /^(?:\[([0-9A-Fa-f:.]{2,45}(?:%[0-9A-Za-z._-]{1,32})?)\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/;

/** Reads `host:port` or `[ipv6]:port`; null when the text is neither. */
export function parseAddress(text: string): Address | null {
  if (text.length > limits.addressLengthMax) return null;
  const match = addressPattern.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  return port > 65_535 ? null : { host: match[1] ?? match[2] ?? '', port };
}

/** The reverse of `parseAddress`. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether a host is this machine itself: 127.0.0.0/8 (also as IPv6 writes it), ::1, localhost. */
export function isLoopback(host: string): boolean {
  if (host === '::1' || host.toLowerCase() === 'localhost') return true;
  const [, a, b, c] = /^(?:::ffff:)?127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(host) ?? [];
  return a !== undefined && [a, b, c].every((part) => Number(part) <= 255);
}
