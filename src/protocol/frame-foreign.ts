/** What somebody speaks who has mistaken the peer port for another. */
export type ForeignProtocol = 'HTTP' | 'TLS' | 'the line protocol';

/** Enough of a connection's first bytes to tell. */
export const foreignBytesWanted = 8;

/**
 * Recognises another protocol by its first bytes; null when it is none that is known. No frame is longer than
 * 1 MiB, so the peer protocol's own first byte is always 0.
 */
export function foreignProtocol(firstBytes: Buffer): ForeignProtocol | null {
  if ((firstBytes[0] === 0x16 || firstBytes[0] === 0x15) && firstBytes[1] === 0x03) return 'TLS';
  const text = firstBytes.toString('latin1');
  if (/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PRI) ?/.test(text)) return 'HTTP';
  return /^[@A-Za-z]/.test(text) ? 'the line protocol' : null;
}
