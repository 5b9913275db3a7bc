import type { Address } from '../core/address.js';
import type { Tags } from '../core/member.js';
import type { Secret } from './secret.js';

/** Everything a node is told before it starts, checked, with every default filled in. Paths are absolute. */
export interface NodeConfig {
  /** Null: see `nodeName`, which needs the real peer port. */
  readonly name: string | null;
  readonly cluster: string;
  readonly listen: Address;
  readonly client: Address;
  readonly http: Address | null;
  /** `host:port` of seeds. */
  readonly join: readonly string[];
  /** What other nodes are told to dial; port 0 stands for the real port of `listen`. */
  readonly advertise: Address;
  /** What members list as the address for clients; port 0 stands for the real port of `client`. */
  readonly advertiseClient: Address;
  readonly keyFile: string | null;
  /** From the environment; at most one of `keyFile` and `key` is set. */
  readonly key: Secret | null;
  readonly clientToken: Secret | null;
  /** Null: nothing is kept, and every start is a new node. */
  readonly data: string | null;
  /** Where it would be kept, had nobody said that nothing is to be. */
  readonly unusedData: string | null;
  readonly tasks: readonly string[];
  readonly commands: readonly CommandTask[];
  readonly threads: number;
  readonly concurrency: number;
  readonly threadMemoryBytes: number;
  readonly abortGraceMs: number;
  readonly tags: Tags;
  readonly drainTimeoutMs: number;
  readonly logLevel: LogLevel;
  /** Null: pretty where standard output is a terminal. */
  readonly logPretty: boolean | null;
  readonly readyFile: string | null;
  readonly membership: MembershipSettings;
  readonly jobs: JobSettings;
  readonly limits: LimitSettings;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A task that is a program. */
export interface CommandTask {
  readonly name: string;
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  readonly env: readonly (readonly [key: string, value: string])[];
  readonly cwd: string;
  readonly timeoutMs: number | null;
  readonly concurrency: number | null;
  readonly retries: number | null;
  /** Its output is told as it comes; null: it is the result. */
  readonly stream: 'lines' | 'bytes' | null;
}

export interface MembershipSettings {
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  readonly indirectProbes: number;
  readonly suspicionMultiplier: number;
  readonly suspicionMaxMultiplier: number;
  readonly retransmitMultiplier: number;
  readonly localHealthMax: number;
  readonly digestIntervalMs: number;
  readonly gossipToDeadMs: number;
  readonly reconnectIntervalMs: number;
  readonly forgetAfterMs: number;
}

export interface JobSettings {
  readonly timeoutMs: number;
  readonly retries: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly ttlMs: number;
  readonly copies: number;
  readonly queueLengthMax: number;
  readonly queueBytesMax: number;
  readonly outcomesMax: number;
  readonly outcomeBytesMax: number;
}

export interface LimitSettings {
  readonly lineBytesMax: number;
  readonly bodyBytesMax: number;
  readonly clientConnectionsMax: number;
  readonly requestsInFlightMax: number;
  readonly replyBytesMax: number;
  readonly replyBytesTotalMax: number;
  readonly receivingBytesMax: number;
}

/** The name of a node that was given none: unlike on every machine and for every port, and a valid name whatever the host is called. */
export function nodeName(config: NodeConfig, hostName: string, peerPort: number): string {
  if (config.name !== null) return config.name;
  const host = (hostName.split('.')[0] ?? '').replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 58);
  return `${host === '' ? 'node' : host}-${peerPort}`;
}
