import { readFile } from 'node:fs/promises';
import { addressesMax, parseAddressList, parseClientAddress } from '../client/addresses.js';
import { connect, type Client as NodeClient } from '../client/client.js';
import { untilAborted } from '../client/until-aborted.js';
import { limits } from '../core/limits.js';
import { parseDuration } from '../core/units.js';
import { clientTokenOf, parseKeys } from '../net/cluster-key.js';
import { Calls } from './calls.js';
import { BadInputError, typedError, UnauthorizedError } from './errors.js';
import type { CallOptions, Duration } from './options.js';

/** How a client finds the cluster, and shows that it may. */
export interface ConnectOptions extends CallOptions {
  /**
   * Where nodes of one cluster are reached: `host:port`, several in an array or with commas between them. The first that answers is used,
   * and when it is lost, the next. Default: the environment variable RONDO_NODE, else `127.0.0.1:7411`.
   */
  readonly nodes?: string | readonly string[] | undefined;
  /** What the nodes ask for with AUTH. Default: RONDO_TOKEN, where no `keyFile` is given. */
  readonly token?: string | undefined;
  /** A file with the key of the cluster, from which the token follows. Default: RONDO_KEY_FILE, where there is no token. */
  readonly keyFile?: string | undefined;
  /** How long one node may take for its first answer. Default 3 s. */
  readonly connectTimeout?: Duration | undefined;
  /** How long nodes are looked for after one was lost, before calls fail. Default 10 s. */
  readonly searchTimeout?: Duration | undefined;
  /** Called when a node is lost, and when the client goes on at another one. For logs: nothing has to be done. */
  readonly onNotice?: ((notice: Notice) => void) | undefined;
}

/** What happens to the connection beneath the calls. */
export type Notice = LostNotice | MovedNotice;

/** A node was lost. */
export interface LostNotice {
  /** Which notice this is. */
  readonly type: 'lost';
  /** The node, `host:port`. */
  readonly node: string;
  /** What happened to the connection, for people. */
  readonly reason: string;
  /** How many requests it had not answered. */
  readonly unansweredCount: number;
}

/** The client goes on at another node, or at the same one again. */
export interface MovedNotice {
  /** Which notice this is. */
  readonly type: 'moved';
  /** The node that was lost, `host:port`. */
  readonly from: string;
  /** The node that requests go to now, `host:port`. */
  readonly to: string;
}

const defaultNode = '127.0.0.1:7411';
const names = ['nodes', 'token', 'keyFile', 'connectTimeout', 'searchTimeout', 'onNotice', 'signal'];

/** Connects to the first node that answers. */
export async function openCalls(options: ConnectOptions): Promise<Calls> {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new BadInputError(
      'BAD_OPTION',
      `there is no option ${JSON.stringify(unknown)}; there are ${names.join(', ')}`,
    );
  }
  try {
    const nodes = nodesOf(options.nodes);
    const opening = connect({
      nodes,
      token: await tokenOf(options),
      // Calls gives keys itself: `map` has its own rule.
      ownKeys: false,
      ...milliseconds('connectTimeout', 'connectTimeoutMs', options.connectTimeout),
      ...milliseconds('searchTimeout', 'searchMs', options.searchTimeout),
      ...(options.onNotice === undefined ? {} : { onNotice: options.onNotice }),
    });
    const client = options.signal === undefined ? await opening : await abortable(opening, options.signal);
    return new Calls(client, nodes.length > 1);
  } catch (error) {
    throw typedError(error);
  }
}

async function abortable(opening: Promise<NodeClient>, signal: AbortSignal): Promise<NodeClient> {
  try {
    signal.throwIfAborted();
    return await untilAborted(opening, signal);
  } catch (error) {
    void opening.then((client) => client.close()).catch(() => {});
    throw error;
  }
}

function nodesOf(nodes: ConnectOptions['nodes']): string[] {
  if (nodes === undefined) return parseAddressList(process.env.RONDO_NODE || defaultNode);
  if (typeof nodes === 'string') return parseAddressList(nodes);
  if (!Array.isArray(nodes) || nodes.length === 0 || nodes.length > addressesMax)
    throw new BadInputError(
      'BAD_ADDRESS',
      `nodes is a text or an array of 1 to ${addressesMax} texts: host:port`,
    );
  for (const node of nodes) {
    if (typeof node !== 'string') throw new BadInputError('BAD_ADDRESS', `${String(node)} is no host:port`);
    parseClientAddress(node);
  }
  return [...new Set(nodes as string[])];
}

async function tokenOf(options: ConnectOptions): Promise<string | null> {
  const isGiven = options.token !== undefined || options.keyFile !== undefined;
  const token = isGiven ? options.token : process.env.RONDO_TOKEN || undefined;
  if (token !== undefined) {
    if (typeof token === 'string' && /^\S+$/.test(token)) return token;
    throw new BadInputError('BAD_OPTION', 'token is empty or holds white space: give it as it was set');
  }
  const keyFile = isGiven ? options.keyFile : process.env.RONDO_KEY_FILE || undefined;
  return keyFile === undefined ? null : tokenFrom(keyFile);
}

/** The token that follows from the first key in a file. */
async function tokenFrom(keyFile: string): Promise<string> {
  try {
    const [key] = parseKeys(await readFile(keyFile, 'utf8'), `the key file ${keyFile}`);
    if (key !== undefined) return clientTokenOf(key);
  } catch (cause) {
    const message = `the key file ${keyFile} can't be used: ${(cause as Error).message}`;
    throw new UnauthorizedError('UNAUTHORIZED', message, { cause });
  }
  throw new UnauthorizedError('UNAUTHORIZED', `the key file ${keyFile} holds no key`);
}

function milliseconds(name: string, key: string, duration: unknown): Record<string, number> {
  if (duration === undefined) return {};
  const ms = typeof duration === 'string' ? parseDuration(duration) : duration;
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 1 && ms <= limits.durationMsMax)
    return { [key]: ms };
  throw new BadInputError('BAD_OPTION', `${name} is milliseconds, or a text like '3s', from 1 ms on`);
}
