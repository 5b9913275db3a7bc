import type { Random } from '../../../src/core/random.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import type { DialFate, SimPath } from '../../../src/sim/sim-path.js';
import type { ChaosNodes } from './nodes.js';
import { type ChaosPlan, pick, pickSome } from './plan.js';
import type { Reliefs } from './reliefs.js';

export interface LinkFaultsOptions {
  readonly plan: ChaosPlan;
  readonly nodes: ChaosNodes;
  readonly random: Random;
  readonly reliefs: Reliefs;
}

/** What goes wrong between two nodes, with their links and on the way. Each says what it has done; null: it could do nothing. */
export class LinkFaults {
  constructor(private readonly options: LinkFaultsOptions) {}

  resetOne({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    if (other === null) return null;
    this.options.nodes.cluster.network.resetOneBetween(name, other);
    return `${name} ${other}`;
  }

  resetPair({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    if (other === null) return null;
    this.options.nodes.cluster.network.resetBetween(name, other);
    return `${name} ${other}`;
  }

  resetStorm(): string {
    const { random, nodes, plan, reliefs } = this.options;
    const count = 20 + random.below(40);
    for (let reset = 0; reset < count; reset++) {
      reliefs.later(random.next() * 5_000, () => {
        const [a, b] = pickSome(random, plan.names, 2);
        nodes.cluster.network.resetBetween(a as string, b as string);
      });
    }
    return `of ${count}`;
  }

  /** What one end sent last is lost in the reset, and what the other sent is not. */
  tailLost({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    if (other === null) return null;
    this.options.nodes.cluster.network.resetLosingTailTo(other, name);
    return `from ${name} to ${other}`;
  }

  /** A firewall has forgotten the connection. */
  silentLink({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    if (other === null) return null;
    const lengthMs = 20_000 * this.options.random.next();
    this.options.reliefs.lasting(lengthMs, this.options.nodes.cluster.network.silenceBetween(name, other));
    return `${name} ${other}, for ${lengthMs.toFixed(0)} ms`;
  }

  slowPath({ name }: SimNode): string | null {
    const other = this.pickOther(name);
    if (other === null) return null;
    const bytesPerSecond = pick(this.options.random, [300, 2_000, 20_000]);
    this.spoilPath([name, other], (path) => {
      path.own = { bytesPerSecond };
    });
    return `from ${name} to ${other}, ${bytesPerSecond} bytes a second`;
  }

  dialsRefused(victim: SimNode): string | null {
    return this.failDials(victim, 'refused');
  }

  dialsSilent(victim: SimNode): string | null {
    return this.failDials(victim, 'silent');
  }

  /** Dials alone; without a reset nobody would dial. */
  private failDials({ name }: SimNode, fate: DialFate): string | null {
    const other = this.pickOther(name);
    if (other === null) return null;
    this.spoilPath([name, other], (path) => {
      path.dials = fate;
    });
    this.options.nodes.cluster.network.resetBetween(name, other);
    return `from ${name} to ${other}`;
  }

  private spoilPath([from, to]: readonly [string, string], spoil: (path: SimPath) => void): void {
    const path = this.options.nodes.cluster.network.paths.between(from, to);
    spoil(path);
    this.options.reliefs.lasting(2_000 + this.options.random.next() * 10_000, () => {
      path.own = {};
      path.dials = 'answered';
    });
  }

  private pickOther(name: string): string | null {
    const { plan, random } = this.options;
    const others = plan.names.filter((other) => other !== name);
    return others.length === 0 ? null : pick(random, others);
  }
}
