/**
 * The binary protocol of gearmand, as much of it as no-op jobs need. A packet is
 *
 *     "\0REQ" or "\0RES"   type (4 bytes)   length (4 bytes)   arguments, with a zero byte between each
 */
export const packetTypes = {
  canDo: 1,
  preSleep: 4,
  noOp: 6,
  submitJob: 7,
  jobCreated: 8,
  grabJob: 9,
  noJob: 10,
  jobAssign: 11,
  workComplete: 13,
  submitJobInBackground: 18,
} as const;

export interface Packet {
  readonly type: number;
  readonly args: readonly string[];
}

const headerBytes = 12;

/** A request, as text of one byte a character. Arguments are ASCII, as all JSON is that is sent here. */
export function encodePacket(type: number, ...args: readonly string[]): string {
  const body = args.join('\0');
  return `\0REQ${encodeNumber(type)}${encodeNumber(body.length)}${body}`;
}

/** Takes chunks of bytes, and calls `onPacket` for each whole packet that has come. */
export function packetReader(onPacket: (packet: Packet) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const bodyAt = at + headerBytes;
      const end = bodyAt + bytes.readUInt32BE(at + 8);
      if (end > bytes.length) break;
      const body = bytes.toString('latin1', bodyAt, end);
      onPacket({ type: bytes.readUInt32BE(at + 4), args: body.split('\0') });
      at = end;
    }
    rest = bytes.subarray(at);
  };
}

function encodeNumber(number: number): string {
  return String.fromCharCode(number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255);
}
