import * as v from 'valibot';
import { defaultJobsConfig } from '../core/jobs/config.js';
import { limits } from '../core/limits.js';
import { defaultLinksConfig } from '../core/links/config.js';
import { defaultMembershipConfig } from '../core/membership/config.js';
import { formatDuration, formatSize } from '../core/units.js';
import { commandSchema } from './config-commands.js';
import {
  address,
  duration,
  listOf,
  name,
  nameAllowed,
  orNull,
  path,
  secretText,
  setting,
  size,
  tagsOf,
  wholeNumber,
  yesOrNo,
} from './config-values.js';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
/** Any single reply fits: a character of a result takes 3 bytes at most, and some more is for the rest. */
const replyBytesMin = 3 * limits.bodyBytesMax + mebibyte;
const addressAllowed = 'host:port';

const off = v.pipe(
  v.union([v.literal(false), v.picklist(['false', 'no', '0'])]),
  v.transform(() => null),
);

const members = defaultMembershipConfig;
const work = defaultJobsConfig;

const membership = v.strictObject({
  probeInterval: time(
    'How often one other member is probed',
    formatDuration(members.probeIntervalMs),
    10,
    minuteMs,
  ),
  probeTimeout: time(
    'How long a probe waits for its answer before others are asked to probe too',
    formatDuration(members.probeTimeoutMs),
    5,
    minuteMs,
  ),
  indirectProbes: count(
    'How many others are asked to probe a member that does not answer',
    members.indirectProbes,
    0,
    16,
  ),
  suspicionMultiplier: count(
    'A suspect is declared dead after this × log10(members) × probeInterval, if many suspect it',
    members.suspicionMultiplier,
    1,
    100,
  ),
  suspicionMaxMultiplier: count(
    'If nobody else suspects it, after this many times as long',
    members.suspicionMaxFactor,
    1,
    100,
  ),
  retransmitMultiplier: count(
    'A change is gossiped this × ⌈log10(members + 1)⌉ times',
    members.retransmitMultiplier,
    1,
    100,
  ),
  localHealthMax: count(
    'A node that is itself slow stretches its probes up to this many times',
    members.healthScoreMax,
    1,
    100,
  ),
  digestInterval: time(
    'How often the whole member list is compared with one other member',
    formatDuration(members.digestIntervalMs),
    100,
    hourMs,
  ),
  gossipToDead: time(
    'How long dead members are still told that they are, so that they can refute',
    formatDuration(members.deadGossipMs),
    0,
    hourMs,
  ),
  reconnectInterval: time(
    'How often a dead member is dialled again',
    formatDuration(defaultLinksConfig.deadRedialMs),
    100,
    hourMs,
  ),
  forgetAfter: time(
    'When a member that is dead or has left is forgotten',
    formatDuration(members.forgetMs),
    minuteMs,
    limits.durationMsMax,
  ),
});

const jobs = v.strictObject({
  timeout: time(
    'Limit of one attempt, where neither job nor task says one',
    formatDuration(work.timeoutMs),
    1,
    limits.durationMsMax,
  ),
  retries: count(
    'Further attempts after a failed one, where neither job nor task says a number',
    work.retries,
    0,
    limits.retriesMax,
  ),
  backoff: time(
    'Wait before the first retry; it doubles with each, and is jittered',
    formatDuration(work.backoffMs),
    0,
    limits.durationMsMax,
  ),
  backoffMax: time(
    'The longest wait before a retry',
    formatDuration(work.backoffMsMax),
    0,
    limits.durationMsMax,
  ),
  ttl: time('How long an outcome is kept', formatDuration(work.ttlMs), 0, limits.durationMsMax),
  copies: count(
    'Nodes that hold a job which says nothing, its owner among them, as far as so many are alive',
    work.copies,
    1,
    limits.copiesMax,
  ),
  queueLengthMax: count(
    'Unfinished jobs that this node owns; past it, submits are answered BUSY. It holds as many more for other owners',
    work.queueLengthMax,
    1,
    100_000_000,
  ),
  queueBytesMax: bytes(
    'What their arguments take; past it, submits are answered BUSY',
    formatSize(work.queueBytesMax),
    mebibyte,
    1024 * gibibyte,
  ),
  outcomesMax: count('Outcomes kept; past it, the oldest go first', work.outcomesMax, 0, 100_000_000),
  outcomeBytesMax: bytes(
    'What their results take; past it, the oldest go first',
    formatSize(work.outcomeBytesMax),
    mebibyte,
    1024 * gibibyte,
  ),
});

// Arguments, in a line or a body, travel on to peers and clients, who take `bodyBytesMax` and no more.
const limitsGroup = v.strictObject({
  lineBytes: bytes('A line of the line protocol', formatSize(limits.lineBytesMax), 1024, limits.bodyBytesMax),
  bodyBytes: bytes(
    'A body after a line, arguments or result',
    formatSize(limits.bodyBytesMax),
    1024,
    limits.bodyBytesMax,
  ),
  clientConnections: count('Client connections at once', limits.clientConnectionsMax, 1, 1_000_000),
  requestsInFlight: count(
    'Unanswered requests of one connection; at the limit its input waits',
    limits.requestsInFlightMax,
    1,
    1_000_000,
  ),
  replyBytes: bytes(
    'Replies that wait for one client; past it, its connection is closed',
    formatSize(limits.replyBytesMax),
    replyBytesMin,
    1024 * gibibyte,
  ),
  replyBytesTotal: bytes(
    'Replies that wait for any client; past it, the connection that most wait for is closed',
    formatSize(limits.replyBytesTotalMax),
    replyBytesMin,
    1024 * gibibyte,
  ),
  receivingBytes: bytes(
    'Lines and bodies that have begun and not ended, of all clients; past it, requests are answered BUSY',
    formatSize(limits.receivingBytesMax),
    limits.bodyBytesMax,
    1024 * gibibyte,
  ),
});

/** All that an operator may set. A null default follows from something else, which `defaultNote` says. */
export const configSchema = v.strictObject({
  name: setting(orNull(name), {
    description: 'The name of this node, different from all others of the cluster',
    allowed: nameAllowed,
    default: null,
    defaultNote: '<host name>-<peer port>',
  }),
  cluster: setting(
    v.pipe(
      name,
      v.check((text) => !/^\.{1,2}$|\//.test(text)),
    ),
    {
      description: 'The name of the cluster; nodes of another one are refused',
      allowed: '1 to 64 letters, digits or _ . : -',
      default: 'rondo',
    },
  ),
  listen: endpoint('Where other nodes reach this one', '127.0.0.1:7410'),
  client: endpoint('Where clients reach this node', '127.0.0.1:7411'),
  http: setting(v.union([off, address]), {
    description: 'Where /healthz, /readyz and /metrics are served; false: nowhere',
    allowed: `${addressAllowed}, or false`,
    default: '127.0.0.1:7412',
  }),
  join: setting(listOf(address, 1_000), {
    description: 'Peer addresses of some nodes that are there already',
    allowed: `a list of ${addressAllowed}`,
    default: [],
  }),
  advertise: setting(orNull(address), {
    description: 'The address that other nodes are told to dial; port 0 stands for the port of `listen`',
    allowed: addressAllowed,
    default: null,
    defaultNote: 'that of `listen`; if that is 0.0.0.0 or [::], the first outward address of this machine',
  }),
  keyFile: setting(orNull(path), {
    description:
      'A file made by `rondo keygen`: with it all links are encrypted; without it nothing leaves loopback',
    allowed: 'a path',
    default: null,
  }),
  key: setting(orNull(secretText), {
    description: 'The key itself, where a file is hard to have',
    allowed: 'a key made by `rondo keygen`',
    default: null,
    secret: true,
    only: 'environment',
  }),
  clientToken: setting(orNull(secretText), {
    description: 'What clients must send with AUTH',
    allowed: 'up to 1024 visible characters without blanks',
    default: null,
    defaultNote: 'derived from the key where `client` is beyond loopback, otherwise none is asked for',
    secret: true,
    only: 'environment and file',
  }),
  data: setting(orNull(path), {
    description:
      "This node's own directory, where it keeps its identity and the journal of the jobs that it holds",
    allowed: 'a directory',
    default: null,
    defaultNote:
      '$XDG_DATA_HOME or ~/.local/share, then rondo/<cluster>/<name or node-<peer port>>; none where the peer port is 0 and there is no name',
  }),
  journal: setting(yesOrNo, {
    description: 'false: nothing is kept on disk: jobs are in memory only, and every start is a new node',
    allowed: 'true or false',
    default: true,
    flag: 'no-journal',
  }),
  tasks: setting(listOf(path, 100), {
    description: 'Directories of handlers: NAME.js, NAME.mjs or NAME.ts is task NAME',
    allowed: 'a list of directories',
    default: [],
  }),
  commands: setting(
    v.pipe(
      v.map(name, commandSchema),
      v.check((map) => map.size <= limits.tasksPerNodeMax),
    ),
    {
      description:
        'Tasks that are programs. NAME: {command: [program, argument...], timeout, concurrency, retries, env: {}, cwd, stream: lines|bytes}',
      allowed: `a map of at most ${limits.tasksPerNodeMax} task names, each ${nameAllowed}`,
      default: new Map(),
      only: 'file',
    },
  ),
  threads: setting(orNull(wholeNumber(0, 256)), {
    description:
      'Worker threads that run handlers; 0 runs them on the main thread, for tests only: one that blocks, exits or throws late takes the node with it',
    allowed: 'a whole number from 0 to 256',
    default: null,
    defaultNote: 'as many as the machine has cores, 4 at most',
  }),
  concurrency: setting(orNull(wholeNumber(0, 65_536)), {
    description: 'Attempts at once; 0 takes no jobs',
    allowed: 'a whole number from 0 to 65536',
    default: null,
    defaultNote: '16 × threads',
  }),
  threadMemory: bytes(
    'JavaScript heap of one thread; a handler that needs more loses its thread. Buffers lie outside of it and are not bounded',
    '512MiB',
    16 * mebibyte,
    1024 * gibibyte,
  ),
  abortGrace: time(
    'How long a handler that was asked to stop may take before its thread is ended',
    '2s',
    0,
    hourMs,
  ),
  tags: setting(tagsOf(limits.tagsPerNodeMax), {
    description: 'What this node is or has; a job with on=K=V runs only where it fits',
    allowed: `at most ${limits.tagsPerNodeMax} pairs; keys and values are ${nameAllowed}`,
    default: new Map(),
    flag: 'tag',
  }),
  drainTimeout: time('How long a stopping node waits for its running jobs', '30s', 0, 24 * hourMs),
  logLevel: setting(v.picklist(['debug', 'info', 'warn', 'error', 'silent']), {
    description: 'What is logged',
    allowed: 'debug, info, warn, error or silent',
    default: 'info',
  }),
  logPretty: setting(orNull(yesOrNo), {
    description: 'true: log lines for people; false: JSON',
    allowed: 'true or false',
    default: null,
    defaultNote: 'true where standard output is a terminal',
  }),
  readyFile: setting(orNull(path), {
    description:
      'A file that is written when the node is ready: its name, id, pid and real addresses, as JSON',
    allowed: 'a path',
    default: null,
  }),
  membership: group(membership),
  jobs: group(jobs),
  limits: group(limitsGroup),
});

export type ConfigValues = v.InferOutput<typeof configSchema>;

function group<S extends v.StrictObjectSchema<v.ObjectEntries, undefined>>(schema: S) {
  return v.optional(schema, {});
}

function endpoint(description: string, standard: string) {
  return setting(address, {
    description,
    allowed: `${addressAllowed}; port 0 for a free one`,
    default: standard,
  });
}

function time(description: string, standard: string, minMs: number, maxMs: number) {
  const allowed = `a duration (250ms, 30s, 5m, 2h) from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return setting(duration(minMs, maxMs), { description, allowed, default: standard });
}

function bytes(description: string, standard: string, minBytes: number, maxBytes: number) {
  const allowed = `a size (64KiB, 16MiB) from ${formatSize(minBytes)} to ${formatSize(maxBytes)}`;
  return setting(size(minBytes, maxBytes), { description, allowed, default: standard });
}

function count(description: string, standard: number, min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return setting(wholeNumber(min, max), { description, allowed, default: standard });
}
