import { readFileSync } from 'node:fs';
import type { Figure, WorkloadId } from './figures.js';
import type { MachineFacts } from './machine.js';

/** All that one run of the command has measured: what every page and table is made of. */
export interface Results {
  /** When the run began, in UTC. */
  readonly startedAt: string;
  readonly minutes: number;
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly machine: MachineFacts;
  /** Of each program and package. */
  readonly versions: Readonly<Record<string, string>>;
  readonly contenders: readonly ContenderFacts[];
  /** Systems that could not be installed. */
  readonly missing: readonly Missing[];
  readonly measurements: readonly MeasurementFacts[];
  readonly figures: readonly RoundFigure[];
}

export interface ContenderFacts {
  readonly system: string;
  readonly name: string;
  readonly settings: string;
}

export interface Missing {
  readonly system: string;
  readonly reason: string;
}

/** One process that measured one contender for one workload. */
export interface MeasurementFacts {
  readonly round: number;
  readonly contender: string;
  readonly workload: WorkloadId;
  readonly seconds: number;
  /** Processor time that the machine's host took away meanwhile. */
  readonly stealPercent: number;
  /** Why it told no figures, or not all; null where all was well. */
  readonly failure: string | null;
}

export interface RoundFigure extends Figure {
  readonly round: number;
  readonly contender: string;
}

export function readResults(path: string): Results {
  return JSON.parse(readFileSync(path, 'utf8')) as Results;
}

/** A figure a line, so that a change of one shows as that. */
export function writtenResults({ measurements, figures, ...rest }: Results): string {
  const lines = (rows: readonly object[]): string =>
    rows.length === 0 ? '[]' : `[\n${rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`;
  const head = JSON.stringify(rest, null, 2).slice(0, -2);
  return `${head},\n  "measurements": ${lines(measurements)},\n  "figures": ${lines(figures)}\n}\n`;
}
