import type { ClientCommand, SubmitCommand } from '../../src/core/commands.js';
import type { RequestId } from '../../src/core/ids.js';
import { errorReply, okReply, type Reply } from '../../src/core/reply.js';
import type { ClientServer, ClientServerListener } from '../../src/net/client-server.js';
import {
  type ClientServerLimits,
  type ClientServerOptions,
  createClientServer,
  defaultClientServerLimits,
} from '../../src/net/line-server.js';

/** A client port with next to nothing behind it: `echo` and `sleep` are run, subscriptions stay, all else is answered by `answer`. */
export interface FakeNode {
  readonly server: ClientServer;
  readonly address: string;
  /** Requests not answered yet, in their order. */
  readonly open: Map<RequestId, SubmitCommand['task']>;
  readonly abandoned: RequestId[];
  readonly logged: {
    readonly level: string;
    readonly text: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[];
}

export interface FakeNodeOptions {
  readonly limits?: Partial<ClientServerLimits>;
  readonly authToken?: string;
  readonly answer?: Reply;
  /** Called after each request that was taken or abandoned, and each line that was logged. */
  readonly changed?: () => void;
  readonly host?: string;
  readonly port?: number;
}

/** Opens one on a free port. Its owner shuts `server` down. */
export async function startFakeNode(options: FakeNodeOptions = {}): Promise<FakeNode> {
  const open: FakeNode['open'] = new Map();
  const abandoned: RequestId[] = [];
  const logged: FakeNode['logged'] = [];
  const listener: ClientServerListener = {
    request: (request, command) => {
      const reply = answerTo(command);
      if (reply === 'never') open.set(request, command.type);
      else if (typeof reply === 'number') {
        setTimeout(() => server.reply(request, okReply('null')), reply).unref();
      } else server.reply(request, reply);
      options.changed?.();
    },
    itemsWanted: () => {},
    requestAbandoned: (request) => {
      abandoned.push(request);
      options.changed?.();
    },
  };
  const serverOptions: ClientServerOptions = {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    limits: { ...defaultClientServerLimits, ...options.limits },
    authToken: options.authToken ?? null,
    hello: { name: 'a', version: '0.0.0' },
    listener,
    log: (level, text, fields) => {
      logged.push({ level, text, fields });
      options.changed?.();
    },
  };
  const server = createClientServer(serverOptions);
  const runTask = ({ task, args }: SubmitCommand): Reply | number | 'never' => {
    if (options.answer !== undefined) return options.answer;
    if (task === 'echo') return okReply(typeof args === 'string' ? args : `"${args.length} bytes"`);
    if (task === 'sleep') return Number(args);
    if (task === 'big') return okReply(JSON.stringify('x'.repeat(Number(args))));
    if (task === 'never') return 'never';
    return errorReply('UNKNOWN_TASK', 'no node offers it');
  };
  const answerTo = (command: ClientCommand): Reply | number | 'never' => {
    if (command.type === 'submit') return runTask(command);
    return options.answer ?? (command.type === 'subscribe' ? 'never' : okReply('[]'));
  };
  return { server, address: await server.listen(), open, abandoned, logged };
}
