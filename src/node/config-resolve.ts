import { availableParallelism, homedir, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type Address, formatAddress, isWildcard } from '../core/address.js';
import { RondoError } from '../core/errors.js';
import type { CommandTask, NodeConfig } from './config.js';
import type { ConfigValues } from './config-schema.js';
import type { ConfigSource, Places } from './config-sources.js';
import { Secret } from './secret.js';

/** Fills in the defaults that follow from other settings or from the machine, and gives names their units. */
export function resolveConfig(values: ConfigValues, places: Places, env: NodeJS.ProcessEnv): NodeConfig {
  const threads = values.threads ?? Math.min(4, availableParallelism());
  const advertise = values.advertise ?? outwardAddress(values.listen);
  const { membership, jobs, limits } = values;
  return {
    name: values.name,
    cluster: values.cluster,
    listen: values.listen,
    client: values.client,
    http: values.http,
    join: values.join.map(formatAddress),
    advertise,
    advertiseClient: isWildcard(values.client.host)
      ? { ...values.client, host: advertise.host }
      : values.client,
    ...chosenKey(values, places),
    clientToken: values.clientToken === null ? null : new Secret(values.clientToken),
    ...dataDirectories(values, places, env),
    tasks: values.tasks.map((path) => places.path('tasks', path)),
    commands: commandsOf(values, places),
    threads,
    concurrency: values.concurrency ?? 16 * Math.max(1, threads),
    threadMemoryBytes: values.threadMemory,
    abortGraceMs: values.abortGrace,
    tags: values.tags,
    drainTimeoutMs: values.drainTimeout,
    logLevel: values.logLevel,
    logPretty: values.logPretty,
    readyFile: values.readyFile === null ? null : places.path('readyFile', values.readyFile),
    membership: {
      probeIntervalMs: membership.probeInterval,
      probeTimeoutMs: membership.probeTimeout,
      indirectProbes: membership.indirectProbes,
      suspicionMultiplier: membership.suspicionMultiplier,
      suspicionMaxMultiplier: membership.suspicionMaxMultiplier,
      retransmitMultiplier: membership.retransmitMultiplier,
      localHealthMax: membership.localHealthMax,
      digestIntervalMs: membership.digestInterval,
      gossipToDeadMs: membership.gossipToDead,
      reconnectIntervalMs: membership.reconnectInterval,
      forgetAfterMs: membership.forgetAfter,
    },
    jobs: {
      timeoutMs: jobs.timeout,
      retries: jobs.retries,
      backoffMs: jobs.backoff,
      backoffMaxMs: jobs.backoffMax,
      ttlMs: jobs.ttl,
      copies: jobs.copies,
      queueLengthMax: jobs.queueLengthMax,
      queueBytesMax: jobs.queueBytesMax,
      outcomesMax: jobs.outcomesMax,
      outcomeBytesMax: jobs.outcomeBytesMax,
    },
    limits: {
      lineBytesMax: limits.lineBytes,
      bodyBytesMax: limits.bodyBytes,
      clientConnectionsMax: limits.clientConnections,
      requestsInFlightMax: limits.requestsInFlight,
      replyBytesMax: limits.replyBytes,
      replyBytesTotalMax: limits.replyBytesTotal,
      receivingBytesMax: limits.receivingBytes,
    },
  };
}

const ranks: readonly ConfigSource[] = ['default', 'file', 'environment', 'flag'];

/** Of two settings that exclude each other, the one from the stronger source holds; from the same one it is a mistake. */
function stronger<K extends string>(a: K, b: K, places: Places): K {
  const [rankA, rankB] = [ranks.indexOf(places.source(a)), ranks.indexOf(places.source(b))];
  if (rankA !== rankB) return rankA > rankB ? a : b;
  throw new RondoError(
    'BAD_CONFIG',
    `${places.where(a)} and ${places.where(b)}: \`${a}\` and \`${b}\` exclude each other; give one of them`,
  );
}

function chosenKey(values: ConfigValues, places: Places): Pick<NodeConfig, 'key' | 'keyFile'> {
  const { key, keyFile } = values;
  const fromFile = keyFile !== null && (key === null || stronger('keyFile', 'key', places) === 'keyFile');
  return {
    keyFile: fromFile ? places.path('keyFile', keyFile) : null,
    key: key === null || fromFile ? null : new Secret(key),
  };
}

function dataDirectories(
  values: ConfigValues,
  places: Places,
  env: NodeJS.ProcessEnv,
): Pick<NodeConfig, 'data' | 'unusedData'> {
  const { data, journal } = values;
  const isUsed = journal || (data !== null && stronger('data', 'journal', places) === 'data');
  const directory = data === null ? usualDirectory(values, env) : places.path('data', data);
  return { data: isUsed ? directory : null, unusedData: isUsed ? null : directory };
}

/** Where it is when nobody says; null for a node that has no name and no port of its own. */
function usualDirectory({ listen, name, cluster }: ConfigValues, env: NodeJS.ProcessEnv): string | null {
  // Nothing tells this node from another one of the next start.
  if (name === null && listen.port === 0) return null;
  // A node's name may hold a slash or be `..`; escaped, it is one directory of its own all the same.
  const directory =
    name === null ? `node-${listen.port}` : encodeURIComponent(name).replace(/^\.+$/, '%2E$&');
  // The XDG specification has relative paths ignored.
  const home = env.XDG_DATA_HOME?.startsWith('/')
    ? env.XDG_DATA_HOME
    : join(env.HOME || homedir(), '.local', 'share');
  return join(home, 'rondo', cluster, directory);
}

function commandsOf(values: ConfigValues, places: Places): CommandTask[] {
  return [...values.commands].map(([name, command]) => ({
    name,
    command: command.command,
    env: [...(command.env ?? [])],
    cwd: places.path('commands', command.cwd ?? '.'),
    timeoutMs: command.timeout ?? null,
    concurrency: command.concurrency ?? null,
    retries: command.retries ?? null,
    stream: command.stream ?? null,
  }));
}

/** Nobody can dial 0.0.0.0 or ::, so the first address of this machine that others can is advertised in its place. */
function outwardAddress(listen: Address): Address {
  if (!isWildcard(listen.host)) return listen;
  const outward = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith('fe80:'));
  const found =
    outward.find(({ family }) => family === 'IPv4') ??
    (listen.host.includes(':') ? outward.find(({ family }) => family === 'IPv6') : undefined);
  if (found !== undefined) return { host: found.address, port: listen.port };
  throw new RondoError(
    'BAD_CONFIG',
    `\`listen\` is ${formatAddress(listen)}, but this machine has no outward address to advertise: give --advertise HOST:PORT`,
  );
}
