import type { Invariants } from '../../../src/sim/invariants.js';
import type { SimCluster } from '../../../src/sim/sim-cluster.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import type { ChaosPlan } from './plan.js';

export interface ChaosNodesOptions {
  readonly plan: ChaosPlan;
  readonly cluster: SimCluster;
  readonly invariants: Invariants;
}

/** The nodes of a run: those that belong to it, and those that should not be there. */
export class ChaosNodes {
  readonly cluster: SimCluster;
  /** How often each node got a new id. */
  private readonly renewals = new Map<string, number>();

  constructor(private readonly options: ChaosNodesOptions) {
    this.cluster = options.cluster;
  }

  startAll(): void {
    for (const name of this.options.plan.names) this.start(name);
  }

  /** Those that belong here and are up, standing still or not. */
  live(): SimNode[] {
    return this.options.plan.names
      .map((name) => this.cluster.node(name))
      .filter(({ status }) => status !== 'dead');
  }

  kill(name: string): void {
    if (this.cluster.node(name).status !== 'dead') this.cluster.node(name).kill();
  }

  /** Does nothing when it is up. */
  restart(name: string): void {
    if (this.cluster.node(name).status === 'dead') this.start(name);
  }

  /** Its next start is that of another node at the same address. */
  renew(name: string): void {
    this.renewals.set(name, (this.renewals.get(name) ?? 0) + 1);
  }

  startTwin(name: string, twin: string): SimNode {
    const { id } = this.cluster.node(name).core.self();
    this.options.invariants.membership.expectShared(id);
    const { seeds } = this.options.plan;
    return this.cluster.start(twin, undefined, { id, seeds });
  }

  startStranger(name: string, cluster: string): SimNode {
    return this.cluster.start(name, undefined, { cluster, seeds: this.options.plan.seeds });
  }

  private start(name: string): void {
    const renewals = this.renewals.get(name) ?? 0;
    const id = `${name}${renewals > 0 ? `n${renewals}` : ''}`.padEnd(12, '0');
    this.cluster.start(name, undefined, { id, seeds: this.options.plan.seeds });
  }
}
