import type { Socket } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';

const chunkBytes = 64 * 1024;
const prefixBytes = 4;

/** `latin1` passes any bytes on as they are, and is what text costs least in. */
type Encoding = 'utf8' | 'latin1';

/** Lines written within one turn of the event loop leave in one piece. */
export function lineWriter(socket: Socket, encoding: Encoding = 'utf8'): (line: string) => void {
  let gathered = '';
  const flush = (): void => {
    const text = gathered;
    gathered = '';
    socket.write(text, encoding);
  };
  return (line) => {
    if (gathered === '') setImmediate(flush);
    gathered += `${line}\n`;
  };
}

/** Calls `onLine` for each whole line, without its line feed. */
export function readLines(socket: Socket, onLine: (line: string) => void, encoding: Encoding = 'utf8'): void {
  let rest = '';
  socket.setEncoding(encoding);
  socket.on('data', (chunk: string) => {
    const text = rest === '' ? chunk : rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      onLine(text.slice(start, end));
      start = end + 1;
    }
    rest = text.slice(start);
  });
}

/** Calls within one turn of the event loop are handed over as one flat array. */
export function turnGatherer(
  deliver: (batch: readonly unknown[]) => void,
): (number: number, content: unknown) => void {
  let gathered: unknown[] = [];
  const flush = (): void => {
    const batch = gathered;
    gathered = [];
    deliver(batch);
  };
  return (number, content) => {
    if (gathered.length === 0) setImmediate(flush);
    gathered.push(number, content);
  };
}

/** Length-prefixed msgpack frames; those written within one turn leave in pieces of `chunkBytes`. */
export function frameWriter(socket: Socket): (message: unknown) => void {
  const packr = new Packr({ useRecords: false });
  let chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let used = 0;
  let isDue = false;
  const writeChunk = (): void => {
    if (used > 0) socket.write(chunk.subarray(0, used));
    chunk = Buffer.allocUnsafeSlow(chunkBytes);
    used = 0;
  };
  const flush = (): void => {
    isDue = false;
    writeChunk();
  };
  return (message) => {
    const body = packr.pack(message);
    if (used + prefixBytes + body.length > chunkBytes) writeChunk();
    chunk.writeUInt32BE(body.length, used);
    chunk.set(body, used + prefixBytes);
    used += prefixBytes + body.length;
    if (!isDue) setImmediate(flush);
    isDue = true;
  };
}

/** Calls `onMessage` for each whole frame. */
export function readFrames(socket: Socket, onMessage: (message: unknown) => void): void {
  const unpackr = new Unpackr({ useRecords: false });
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= prefixBytes) {
      const end = at + prefixBytes + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      onMessage(unpackr.unpack(bytes.subarray(at + prefixBytes, end)));
      at = end;
    }
    rest = bytes.subarray(at);
  });
}
