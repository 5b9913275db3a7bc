import type { Random } from '../../../src/core/random.js';
import type { SimCluster } from '../../../src/sim/sim-cluster.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import type { FuzzClients } from './clients.js';
import { type FaultKind, type FuzzPlan, pick, pickWeighted } from './plan.js';

export interface FuzzFaultsOptions {
  readonly plan: FuzzPlan;
  readonly cluster: SimCluster;
  readonly random: Random;
  readonly clients: FuzzClients;
}

/** What ends a fault, or is none. */
type Relief = 'restart' | 'wake' | 'join';

/** The first node has nobody to join by when it comes back from having left. */
const firstNode = 'a';

/** Has things go wrong, one after the other, and puts them right again. */
export class FuzzFaults {
  /** What happened when, for whoever looks into a run. */
  readonly story: string[] = [];
  readonly fired = new Map<FaultKind | Relief, number>();

  constructor(private readonly options: FuzzFaultsOptions) {}

  /** One fault, or the end of one. */
  next(): void {
    const { plan, cluster, random } = this.options;
    const name = pick(random, plan.names);
    if (!cluster.nodes.has(name)) return this.start('join', name);
    const victim = cluster.node(name);
    const others = [...cluster.nodes.keys()].filter((other) => other !== name);
    const other = pick(random, others);
    if (victim.status === 'dead') this.start('restart', victim.name);
    else if (victim.status === 'paused') this.wake(victim);
    else {
      const kind = pickWeighted(random, plan.faultWeights);
      if (kind !== null) this.inflict(kind, victim, other);
    }
  }

  /** Ends all faults; whoever is down comes back, but the one that is doomed. */
  heal(): void {
    const { plan, cluster } = this.options;
    cluster.network.heal();
    for (const node of cluster.nodes.values()) this.wake(node);
    for (const name of plan.joiners) if (!cluster.nodes.has(name)) this.start('join', name);
    if (plan.doomed !== null) cluster.node(plan.doomed).kill();
    cluster.runFor(500);
    this.restartDead();
    // Those that were leaving are gone by then.
    cluster.runFor(12_000);
    this.restartDead();
    for (const { name } of cluster.running()) cluster.request(name, { type: 'resume', node: null });
  }

  private inflict(kind: FaultKind, victim: SimNode, other: string): void {
    const { cluster, clients } = this.options;
    const { network } = cluster;
    if (kind === 'leave' && victim.name === firstNode) return;
    this.note(kind, `${victim.name} ${other}`);
    switch (kind) {
      case 'kill':
        return victim.kill();
      case 'pause':
        return victim.pause();
      case 'resetAll':
        return network.resetBetween(other, victim.name);
      case 'resetOne':
        return network.resetOneBetween(other, victim.name);
      case 'cutOneWay':
      case 'cutBothWays':
        return this.cut(other, victim.name, kind === 'cutBothWays');
      case 'drain':
      case 'resume':
        clients.send(other, { type: kind, node: victim.name });
        clients.rush();
        return;
      case 'leave':
        clients.send(victim.name, { type: 'leave' });
        return;
    }
  }

  private cut(a: string, b: string, bothWays: boolean): void {
    const { cluster, random } = this.options;
    cluster.network.cut(a, b);
    if (bothWays) cluster.network.cut(b, a);
    cluster.time.after(1_000 + random.next() * 12_000, () => cluster.network.heal());
  }

  private wake(node: SimNode): void {
    if (node.status !== 'paused') return;
    this.note('wake', node.name);
    node.resume();
  }

  private restartDead(): void {
    const { plan, cluster } = this.options;
    for (const name of plan.names)
      if (cluster.node(name).status === 'dead' && name !== plan.doomed) this.start('restart', name);
  }

  private start(how: Relief, name: string): void {
    this.note(how, name);
    this.options.clients.rush();
    this.options.cluster.start(name);
  }

  private note(kind: FaultKind | Relief, about: string): void {
    this.fired.set(kind, (this.fired.get(kind) ?? 0) + 1);
    this.story.push(`${(this.options.cluster.time.nowMs / 1000).toFixed(3)} s  ${kind} ${about}`);
  }
}
