import type { Random } from '../../../src/core/random.js';
import { usualSyncMs } from '../../../src/sim/sim-journal.js';
import type { SimNode } from '../../../src/sim/sim-node.js';
import type { ChaosNodes } from './nodes.js';
import { pick } from './plan.js';
import type { Reliefs } from './reliefs.js';

export interface DiskFaultsOptions {
  readonly nodes: ChaosNodes;
  readonly random: Random;
  readonly reliefs: Reliefs;
}

const slowSyncMs: readonly [min: number, max: number] = [100, 2_000];

/** What goes wrong with the disk of a journal. Each says what it has done; null: the node has no journal, or nothing in it. */
export class DiskFaults {
  constructor(private readonly options: DiskFaultsOptions) {}

  diskFull(victim: SimNode): string | null {
    return this.trouble(victim, 'ENOSPC');
  }

  diskBroken(victim: SimNode): string | null {
    return this.trouble(victim, 'EIO');
  }

  slowSync({ name }: SimNode): string | null {
    const { nodes, random, reliefs } = this.options;
    const disk = nodes.journalOf(name);
    if (disk === null) return null;
    const lengthMs = 1_000 + random.next() * 9_000;
    disk.syncMs = slowSyncMs;
    reliefs.lasting(lengthMs, () => {
      disk.syncMs = usualSyncMs;
    });
    return `${name}, for ${lengthMs.toFixed(0)} ms`;
  }

  /** One record of a node that is down can't be read any more. */
  bitFlip({ name }: SimNode): string | null {
    const { nodes, random, reliefs } = this.options;
    if (nodes.journalOf(name)?.isEmpty !== false) return null;
    const job = nodes.flipBit(name);
    const lengthMs = pick(random, [50, 500, 3_000]);
    reliefs.lasting(lengthMs, () => nodes.restart(name));
    return job === null ? null : `${name}, in ${job}, and it is down for ${lengthMs} ms`;
  }

  private trouble({ name }: SimNode, code: string): string | null {
    const { nodes, random, reliefs } = this.options;
    const disk = nodes.journalOf(name);
    if (disk === null) return null;
    const lengthMs = 500 * 20 ** random.next();
    disk.trouble = code;
    reliefs.lasting(lengthMs, () => {
      disk.trouble = null;
    });
    return `${name}, for ${lengthMs.toFixed(0)} ms`;
  }
}
