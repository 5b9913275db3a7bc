import type { ClusterNode } from './cluster-node.js';
import { connectLines, type LineConnection } from './line-connection.js';

/** What has become of the jobs that were submitted to one node. */
export interface WorkDone {
  readonly node: string;
  /** Jobs acknowledged: the node has answered SUBMIT with an id. */
  readonly acknowledged: number;
  readonly done: number;
  /** Done, by the node that ran them. */
  readonly ranOn: ReadonlyMap<string, number>;
  /** Wrong results and errors, in words. */
  readonly faults: readonly string[];
  /** Jobs whose outcome is not known, for the connection to the node that took them is gone. */
  readonly unknown: number;
}

export interface Workload {
  /** No more jobs are submitted; resolves when each has its outcome, or cannot have one. */
  end(): Promise<WorkDone[]>;
}

export interface WorkloadOptions {
  /** Jobs in flight at each node. */
  readonly atOnce?: number;
  /** How long each takes. */
  readonly jobMs?: number;
}

const outcomeTimeoutMs = 60_000;

/** Keeps each of these nodes busy with jobs of the task `linger`, each with a number that is its own. */
export async function startWorkload(
  nodes: readonly ClusterNode[],
  options: WorkloadOptions = {},
): Promise<Workload> {
  const loads = await Promise.all(nodes.map((node) => NodeLoad.start(node, options)));
  return { end: () => Promise.all(loads.map((load) => load.end())) };
}

/** The same for so long; what is submitted by then is waited for. */
export async function workFor(
  nodes: readonly ClusterNode[],
  durationMs: number,
  options: WorkloadOptions = {},
): Promise<WorkDone[]> {
  const workload = await startWorkload(nodes, options);
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  return workload.end();
}

let numberCount = 0;

/** Jobs one after the other, on one connection for each place at once. */
class NodeLoad {
  readonly #ranOn = new Map<string, number>();
  readonly #faults: string[] = [];
  #acknowledged = 0;
  #done = 0;
  #unknown = 0;
  #isEnding = false;
  #lanes: Promise<void>[] = [];

  static async start(node: ClusterNode, { atOnce = 4, jobMs = 50 }: WorkloadOptions): Promise<NodeLoad> {
    const load = new NodeLoad(node);
    const connections = await Promise.all(Array.from({ length: atOnce }, () => connectLines(node.client)));
    load.#lanes = connections.map((connection) => load.#work(connection, jobMs));
    return load;
  }

  private constructor(private readonly node: ClusterNode) {}

  async end(): Promise<WorkDone> {
    this.#isEnding = true;
    await Promise.all(this.#lanes);
    return {
      node: this.node.name,
      acknowledged: this.#acknowledged,
      done: this.#done,
      ranOn: this.#ranOn,
      faults: this.#faults,
      unknown: this.#unknown,
    };
  }

  async #work(connection: LineConnection, jobMs: number): Promise<void> {
    const ask = (line: string): Promise<string> => {
      connection.send(line);
      return connection.next(outcomeTimeoutMs);
    };
    try {
      if (this.node.token !== null) await ask(`AUTH ${this.node.token}`);
      while (!this.#isEnding) await this.#runOne(ask, jobMs);
    } catch (error) {
      this.#unknown++;
      if (!/closed|ECONNRESET|EPIPE/.test(String(error))) this.#faults.push(String(error));
    } finally {
      connection.close();
    }
  }

  async #runOne(ask: (line: string) => Promise<string>, jobMs: number): Promise<void> {
    const number = ++numberCount;
    const taken = await ask(`SUBMIT linger ${JSON.stringify({ n: number, ms: jobMs })}`);
    // In a partition nobody may be able to promise that a job is kept; it was taken all the same, and has an id.
    const id = /^(?:OK|ERR UNAVAILABLE job) (\S+)/.exec(taken)?.[1]?.replace(/:$/, '');
    if (id === undefined) {
      this.#faults.push(taken);
      return;
    }
    if (taken.startsWith('OK')) this.#acknowledged++;
    const outcome = await ask(`WAIT ${id}`);
    const result = outcome.startsWith('OK ')
      ? (JSON.parse(outcome.slice(3)) as { n: number; node: string })
      : null;
    if (result?.n !== number) {
      this.#faults.push(`job ${number}: ${outcome}`);
      return;
    }
    this.#done++;
    this.#ranOn.set(result.node, (this.#ranOn.get(result.node) ?? 0) + 1);
  }
}

/** Faults of all, in words; empty when each job is done. */
export function faultsOf(work: readonly WorkDone[]): string[] {
  return work.flatMap(({ node, faults, unknown }) => [
    ...faults.map((fault) => `${node}: ${fault}`),
    ...(unknown > 0 ? [`${node}: the outcomes of ${unknown} are unknown`] : []),
  ]);
}

export function doneIn(work: readonly WorkDone[]): number {
  return work.reduce((sum, { done }) => sum + done, 0);
}
