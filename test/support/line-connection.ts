import net from 'node:net';

/** A connection to a client port, for lines typed by hand: what is sent is sent as it is, and replies are told in order. */
export interface LineConnection {
  readonly socket: net.Socket;
  /** Sends this text and a line feed. */
  send(line: string): void;
  /** The next line the node says, without its line feed; rejects when it closes first, or says nothing in time. */
  next(timeoutMs?: number): Promise<string>;
  close(): void;
}

const replyTimeoutMs = 15_000;

/** Connects to `host:port`. */
export function connectLines(address: string): Promise<LineConnection> {
  const { host, port } = parseAddress(address);
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(lineConnection(socket, address));
    });
  });
}

/** `host:port`, the host of an IPv6 address in brackets. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

interface Reader {
  resolve(line: string): void;
  reject(error: Error): void;
}

function lineConnection(socket: net.Socket, address: string): LineConnection {
  const lines: string[] = [];
  const readers: Reader[] = [];
  let rest = '';
  let ended: Error | null = null;
  const end = (error: Error): void => {
    ended ??= error;
    for (const reader of readers.splice(0)) reader.reject(ended);
  };
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const reader = readers.shift();
      if (reader === undefined) lines.push(line);
      else reader.resolve(line);
    }
  });
  socket.on('error', (error) => end(error));
  socket.on('close', () => end(new Error(`${address} closed the connection`)));
  return {
    socket,
    send: (line) => void socket.write(`${line}\n`),
    next: (timeoutMs = replyTimeoutMs) => {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (ended !== null) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const reader: Reader = {
          resolve: (text) => {
            clearTimeout(timer);
            resolve(text);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        };
        const timer = setTimeout(() => {
          readers.splice(readers.indexOf(reader), 1);
          reject(new Error(`${address} said nothing for ${timeoutMs} ms`));
        }, timeoutMs);
        readers.push(reader);
      });
    },
    close: () => void socket.destroy(),
  };
}
