import { RondoError } from '../core/errors.js';

/** A node that is up: its real addresses, and the ways to end it. */
export interface RunningNode {
  readonly name: string;
  readonly id: string;
  readonly pid: number;
  /** `host:port` */
  readonly peer: string;
  readonly client: string;
  readonly http: string | null;
  /** Resolves to the exit code, once everything is closed. */
  readonly stopped: Promise<number>;
  drainAndLeave(): void;
  stopNow(): void;
}

/**
 * Starts a node from command-line flags and the environment. `flags` holds only what was given, by its name in camel
 * case, values as they were typed: strings, lists for those that repeat, `true` for switches, `false` for `--no-...`.
 */
export async function startNode(
  _flags: Record<string, unknown>,
  _env: NodeJS.ProcessEnv,
): Promise<RunningNode> {
  throw new RondoError('UNSUPPORTED', 'this build has no node in it yet');
}
