import Table from 'cli-table3';
import { type FaultClass, faultKinds, noFault } from '../../test/sim/chaos/plan.js';
import type { ChaosReport } from '../../test/sim/chaos/run.js';

interface Counts {
  runs: number;
  checked: number;
  excused: number;
  lost: number;
  unexpected: number;
  repeated: number;
}

/** Nothing ran that was not submitted: a run ends at the first that does. */
const unexpectedInvariant = 12;

/** What became of the jobs of many runs: of all, and of those in which each kind of fault fired. */
export class Tally {
  private readonly all = noCounts();
  private readonly byClass = new Map<FaultClass, Counts>();

  add({ jobs, fired, violation }: ChaosReport): void {
    const isUnexpected =
      violation !== null && 'invariant' in violation && violation.invariant === unexpectedInvariant;
    const classes: FaultClass[] = fired.size === 0 ? [noFault] : [...fired.keys()];
    for (const counts of [this.all, ...classes.map((each) => this.countsOf(each))]) {
      counts.runs++;
      counts.checked += jobs.checked;
      counts.excused += jobs.excused;
      counts.lost += jobs.lost;
      counts.unexpected += Number(isUnexpected);
      counts.repeated += jobs.repeated;
    }
  }

  get checked(): number {
    return this.all.checked;
  }

  /** Runs without faults in which a job was started twice break a promise, as lost jobs do in any. */
  get isClean(): boolean {
    return (
      this.all.lost === 0 && this.all.unexpected === 0 && (this.byClass.get(noFault)?.repeated ?? 0) === 0
    );
  }

  describe(): string {
    const head = ['fault', 'runs', 'acknowledged', 'lost', 'unexpected', 'duplicates', 'not promised'];
    const table = new Table({ head, style: { head: [], border: [] } });
    for (const each of [noFault, ...faultKinds] as const) {
      const counts = this.byClass.get(each);
      if (counts !== undefined) table.push(rowOf(each, counts));
    }
    if (this.byClass.size > 1) table.push(rowOf('all runs', this.all));
    return table.toString();
  }

  private countsOf(fault: FaultClass): Counts {
    const counts = this.byClass.get(fault) ?? noCounts();
    this.byClass.set(fault, counts);
    return counts;
  }
}

function noCounts(): Counts {
  return { runs: 0, checked: 0, excused: 0, lost: 0, unexpected: 0, repeated: 0 };
}

function rowOf(
  name: string,
  { runs, checked, lost, unexpected, repeated, excused }: Counts,
): (string | number)[] {
  return [name, runs, checked, lost, unexpected, repeated, excused];
}
