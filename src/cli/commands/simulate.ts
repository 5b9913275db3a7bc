import { closeSync, existsSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { durationOf } from '../../protocol/durations.js';
import {
  defaultSimulationOptions,
  delayProfiles,
  type SimulationOptions,
  simulationFault,
} from '../../sim/simulation-options.js';
import type { SimulationResult } from '../../sim/simulation-result.js';
import { fileFault, usageError } from '../failure.js';
import { simulateInThread } from '../simulate/in-thread.js';
import { pageOf } from '../simulate/page.js';
import { ProgressLine } from '../simulate/progress.js';
import { commandOf } from '../simulate/sections.js';
import { textOf } from '../simulate/text.js';

/** The flags as they were typed, each checked by itself already. */
export interface SimulateFlags {
  readonly nodes?: string;
  readonly seed?: string;
  readonly seedNodes?: string;
  readonly established?: boolean;
  readonly loss?: number;
  readonly delay?: readonly [min: number, max: number];
  readonly wan?: boolean;
  readonly kill?: string;
  readonly hang?: string;
  readonly mute?: string;
  readonly block?: number;
  readonly partition?: number;
  readonly join?: string;
  readonly duration?: string;
  readonly json?: boolean;
  readonly report?: string;
}

/** `rondo simulate` */
export async function simulate(flags: SimulateFlags): Promise<void> {
  const options = optionsOf(flags);
  const fault = simulationFault(options);
  if (fault !== null) throw usageError(fault);
  // Before minutes of work, not after them.
  if (flags.report !== undefined) checkWritable(flags.report);
  const result = await run(options);
  if (flags.report !== undefined) {
    writeReport(flags.report, pageOf(result));
    process.stderr.write(`the report is in ${flags.report}\n`);
  }
  const command = commandOf(options);
  process.stdout.write(flags.json ? `${JSON.stringify({ command, ...result })}\n` : textOf(result));
}

async function run(options: SimulationOptions): Promise<SimulationResult> {
  const progress = new ProgressLine();
  const result = await simulateInThread(options, (step) => progress.show(step));
  progress.stop(result.simulatedMs);
  return result;
}

function optionsOf(flags: SimulateFlags): SimulationOptions {
  const defaults = defaultSimulationOptions;
  const count = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : Number(text);
  return {
    ...defaults,
    nodes: count(flags.nodes, defaults.nodes),
    seed: flags.seed ?? defaults.seed,
    seedNodes: count(flags.seedNodes, defaults.seedNodes),
    start: flags.established ? 'established' : 'cold',
    loss: flags.loss ?? defaults.loss,
    delayMs: flags.delay ?? (flags.wan ? delayProfiles.wan : defaults.delayMs),
    kill: count(flags.kill, defaults.kill),
    hang: count(flags.hang, defaults.hang),
    mute: count(flags.mute, defaults.mute),
    block: flags.block ?? defaults.block,
    partition: flags.partition ?? defaults.partition,
    join: count(flags.join, defaults.join),
    durationMs: flags.duration === undefined ? null : Number(durationOf(flags.duration)),
  };
}

/** A report that is there stays until there is another. */
function checkWritable(file: string): void {
  const isNew = !existsSync(file);
  try {
    closeSync(openSync(file, 'a'));
    if (isNew) unlinkSync(file);
  } catch (cause) {
    throw usageError(`cannot write the report ${file}: ${fileFault(cause)}`, cause);
  }
}

function writeReport(file: string, page: string): void {
  try {
    writeFileSync(file, page);
  } catch (cause) {
    throw usageError(`cannot write the report ${file}: ${fileFault(cause)}`, cause);
  }
}
