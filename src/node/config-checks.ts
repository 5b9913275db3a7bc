import { type Address, formatAddress, isLoopback, isWildcard, parseAddress } from '../core/address.js';
import { RondoError } from '../core/errors.js';
import { formatDuration } from '../core/units.js';
import type { NodeConfig } from './config.js';
import type { Places } from './config-sources.js';

/** What no single setting can know: that they fit each other, and that nothing leaves loopback without a key. */
export function checkConfig(config: NodeConfig, places: Places): void {
  checkPorts(config, places);
  checkAdvertise(config, places);
  checkKey(config, places);
  checkOrder(config, places);
}

function checkPorts(config: NodeConfig, places: Places): void {
  const endpoints = (['listen', 'client', 'http'] as const).flatMap((key) => {
    const address = config[key];
    return address === null ? [] : [{ key, address }];
  });
  for (const [index, a] of endpoints.entries()) {
    for (const b of endpoints.slice(index + 1)) {
      if (!overlap(a.address, b.address)) continue;
      const both = `\`${a.key}\` is ${formatAddress(a.address)} and \`${b.key}\` is ${formatAddress(b.address)}`;
      throw bad(`${places.where(b.key)}: ${both}; they need different ports`);
    }
  }
}

function overlap(a: Address, b: Address): boolean {
  return a.port !== 0 && a.port === b.port && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));
}

function checkAdvertise(config: NodeConfig, places: Places): void {
  const { advertise } = config;
  if (isWildcard(advertise.host)) {
    throw bad(
      `${places.where('advertise')}: \`advertise\` is ${formatAddress(advertise)}, which nobody can dial; give the address by which other nodes reach this one`,
    );
  }
  const outward = config.join.find((seed) => !isLoopback(parseAddress(seed).host));
  if (outward === undefined || !isLoopback(advertise.host) || places.source('advertise') !== 'default')
    return;
  // Checked before a key is asked for only where there is one: without it, that comes first.
  if (!hasKey(config)) return;
  throw bad(
    `${places.where('join')}: \`join\` names ${outward}, but this node listens on ${formatAddress(config.listen)}, where no other machine reaches it; give --listen 0.0.0.0:${config.listen.port}, or --advertise if something forwards to it`,
  );
}

function checkKey(config: NodeConfig, places: Places): void {
  if (hasKey(config)) return;
  const addresses: readonly (readonly [key: string, address: Address | null])[] = [
    ['listen', config.listen],
    ['client', config.client],
    ['http', config.http],
    ['advertise', config.advertise],
    ...config.join.map((seed) => ['join', parseAddress(seed)] as const),
  ];
  for (const [key, address] of addresses) {
    if (address === null || isLoopback(address.host)) continue;
    throw new RondoError(
      'NO_KEY',
      `${places.where(key)}: \`${key}\` is ${formatAddress(address)}, but without a cluster key a node keeps to loopback: make a key with \`rondo keygen FILE\` and start every node with --key-file FILE`,
    );
  }
}

function checkOrder(config: NodeConfig, places: Places): void {
  const { membership, jobs } = config;
  const durations: readonly (readonly [less: string, lessMs: number, more: string, moreMs: number])[] = [
    [
      'membership.probeTimeout',
      membership.probeTimeoutMs,
      'membership.probeInterval',
      membership.probeIntervalMs,
    ],
    ['jobs.backoff', jobs.backoffMs, 'jobs.backoffMax', jobs.backoffMaxMs],
  ];
  for (const [less, lessMs, more, moreMs] of durations) {
    if (lessMs <= moreMs) continue;
    const where = places.source(less) === 'default' ? places.where(more) : places.where(less);
    throw bad(
      `${where}: \`${less}\` (${formatDuration(lessMs)}) must not be over \`${more}\` (${formatDuration(moreMs)})`,
    );
  }
}

function hasKey(config: NodeConfig): boolean {
  return config.keyFile !== null || config.key !== null;
}

function bad(message: string): RondoError {
  return new RondoError('BAD_CONFIG', message);
}
