import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { parseAddressList } from '../client/addresses.js';
import type { Client, ClientNotice, ClientOptions } from '../client/client.js';
import { fileFault, printable, usageError } from './failure.js';

/** The flags of every command that talks to a node. */
export interface ClientFlags {
  readonly node: string;
  readonly token?: string;
  readonly keyFile?: string;
}

const defaultNode = '127.0.0.1:7411';

export function withClientOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--node <host:port,...>',
        'where to reach the cluster; the first that answers is used, and when it is lost, the next',
      )
        .env('RONDO_NODE')
        .default(defaultNode),
    )
    .addOption(
      new Option('--key-file <file>', "the cluster's key, to prove the right to ask").env('RONDO_KEY_FILE'),
    )
    .addOption(
      new Option(
        '--token <token>',
        'the token that the node asks for, instead of the key it follows from',
      ).env('RONDO_TOKEN'),
    );
}

/** Connects, lets `work` use the client, and closes it. */
export async function withClient<Result>(
  flags: ClientFlags,
  work: (client: Client) => Promise<Result>,
  options: Partial<ClientOptions> = {},
): Promise<Result> {
  const nodes = parseAddressList(flags.node || defaultNode);
  const token = await tokenOf(flags);
  const { connect } = await import('../client/client.js');
  const client = await connect({ nodes, token, onNotice: tellNotice, ...options });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function tokenOf({ token, keyFile }: ClientFlags): Promise<string | null> {
  if (token) {
    if (/\s/.test(token)) throw usageError('the token holds white space: give it as it was set, in one word');
    return token;
  }
  if (!keyFile) return null;
  const text = await readFile(keyFile, 'utf8').catch((error: unknown) => {
    throw usageError(`cannot read the key file ${keyFile}: ${fileFault(error)}`, error);
  });
  const { clientTokenOf, parseKeys } = await import('../net/cluster-key.js');
  const [key] = parseKeys(text, `the key file ${keyFile}`);
  if (key === undefined)
    throw usageError(`the key file ${keyFile} holds no key: make one with \`rondo keygen\``);
  return clientTokenOf(key);
}

function tellNotice(notice: ClientNotice): void {
  const text =
    notice.type === 'lost'
      ? `node ${notice.node} was lost: ${notice.reason}`
      : `going on at node ${notice.to}`;
  process.stderr.write(`rondo: ${printable(text)}\n`);
}
