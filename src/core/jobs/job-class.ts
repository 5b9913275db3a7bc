import type { NodeId } from '../ids.js';
import { hashText } from '../random.js';
import type { Demand } from '../routing/candidates.js';
import type { JobRecord } from './record.js';
import { WaitingLine } from './waiting-line.js';

/** Jobs with the same demand and policy wait in one line and share one walk round the candidates. */
export interface JobClass {
  readonly name: string;
  readonly demand: Demand;
  readonly policy: JobRecord['spec']['route'];
  readonly affinity: string | null;
  readonly line: WaitingLine;
  /** Those that may run such a job; `near`: of these, the ones with a link. The same list where all have one. */
  candidates: NodeId[];
  near: NodeId[];
  candidatesVersion: number;
  cursor: number;
}

export function newJobClass(name: string, { spec }: JobRecord, self: NodeId): JobClass {
  const { task, on, node, route, affinity } = spec;
  return {
    name,
    demand: { task, on, node },
    policy: route,
    affinity,
    line: new WaitingLine(),
    candidates: [],
    near: [],
    candidatesVersion: -1,
    // Each owner starts its walk elsewhere, so that many owners with one job each don't all choose the same node.
    cursor: hashText(`${self}/${name}`),
  };
}
