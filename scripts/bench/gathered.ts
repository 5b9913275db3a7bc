import type { Socket } from 'node:net';

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
