import type { Socket } from 'node:net';

/** Writes of one turn of the event loop leave in one piece; each character is one byte. */
export function textWriter(socket: Socket): (text: string) => void {
  let gathered = '';
  const flush = (): void => {
    const text = gathered;
    gathered = '';
    socket.write(text, 'latin1');
  };
  return (text) => {
    if (gathered === '') setImmediate(flush);
    gathered += text;
  };
}
