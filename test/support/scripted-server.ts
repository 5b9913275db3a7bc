import { createServer, type Socket } from 'node:net';

/** What a script says to a request: a reply without its tag, or null for none. */
export type Script = (request: ScriptedRequest) => string | null | Promise<string | null>;

/** A request as it came, tag and body taken apart. */
export interface ScriptedRequest {
  /** Empty where it has none. */
  readonly tag: string;
  /** The line without its tag. */
  readonly line: string;
  readonly verb: string;
  readonly body: Buffer | null;
  readonly socket: Socket;
}

/** A node that is no node: real sockets, scripted answers. HELLO, AUTH and PING are answered by itself. */
export interface ScriptedServer {
  readonly address: string;
  /** Every line received, without tags, HELLO left out. */
  readonly lines: string[];
  readonly openCount: number;
  readonly mostInFlight: number;
  dropConnections(): void;
  close(): Promise<void>;
}

function ownReply(verb: string, hello: Readonly<Record<string, unknown>>): string | undefined {
  if (verb === 'HELLO') return `OK ${JSON.stringify({ server: 'rondo', protocol: 1, ...hello })}`;
  if (verb === 'AUTH') return 'OK';
  return verb === 'PING' ? 'OK pong' : undefined;
}

export interface ScriptedServerOptions {
  /** False: even HELLO is left to the script. */
  readonly greeting?: boolean;
  /** What else HELLO tells. */
  readonly hello?: Readonly<Record<string, unknown>>;
  /** A free one where it is not said. */
  readonly port?: number;
}

/** Listens on a loopback port. */
export async function startScriptedServer(
  script: Script,
  { greeting = true, hello = {}, port: wantedPort = 0 }: ScriptedServerOptions = {},
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const lines: string[] = [];
  let inFlight = 0;
  let mostInFlight = 0;
  const answer = async (request: ScriptedRequest): Promise<void> => {
    if (request.verb !== 'HELLO') lines.push(request.line);
    mostInFlight = Math.max(mostInFlight, ++inFlight);
    const own = greeting ? ownReply(request.verb, hello) : undefined;
    const reply = own ?? (await script(request));
    if (reply === null) return;
    inFlight--;
    if (!request.socket.destroyed) request.socket.write(`${tagPrefix(request)}${reply}\n`);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const cutter = requestCutter(socket);
    socket.on('data', (chunk: Buffer) => {
      for (const request of cutter(chunk)) void answer(request);
    });
  });
  await new Promise<void>((resolve) => server.listen(wantedPort, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${port}`,
    lines,
    get openCount() {
      return sockets.size;
    },
    get mostInFlight() {
      return mostInFlight;
    },
    dropConnections,
    close: () => {
      dropConnections();
      return new Promise((resolve) => server.close(() => setImmediate(resolve)));
    },
  };
}

/** What stands before a reply to it, and before each item. */
export function tagPrefix({ tag }: ScriptedRequest): string {
  return tag === '' ? '' : `@${tag} `;
}

/** An address of this machine at which nobody listens. */
export async function freeAddress(): Promise<string> {
  const server = await startScriptedServer(() => null);
  await server.close();
  return server.address;
}

function requestCutter(socket: Socket): (chunk: Buffer) => ScriptedRequest[] {
  let unread: Buffer = Buffer.alloc(0);
  return (chunk) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    const requests: ScriptedRequest[] = [];
    for (let end = unread.indexOf(10); end !== -1; end = unread.indexOf(10)) {
      const [, tag = '', line = ''] = /^(?:@(\S+) )?(.*)$/s.exec(unread.toString('utf8', 0, end)) ?? [];
      const bodyBytes = Number(/ bytes=(\d+)/.exec(line)?.[1] ?? -1);
      const next = end + 1 + (bodyBytes + 1);
      if (unread.length < next) break;
      const body = bodyBytes < 0 ? null : unread.subarray(end + 1, next - 1);
      requests.push({ tag, line, verb: line.split(' ')[0] ?? '', body, socket });
      unread = unread.subarray(next);
    }
    return requests;
  };
}
