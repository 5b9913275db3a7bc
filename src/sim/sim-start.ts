import { type DiskStep, replaceFileSteps } from '../core/durable-steps.js';
import { type Identity, identityFile, nextIdentity } from '../core/identity.js';
import type { NodeId } from '../core/ids.js';
import type { SimDisk } from './sim-disk.js';

export interface SimStartOptions {
  /** For the first start. */
  readonly newId: () => NodeId;
  /** The machine loses its power before this step, counted from 0. */
  readonly crashBefore?: number;
  /** Leaves out some steps, for sabotage. */
  readonly keepStep?: (step: DiskStep) => boolean;
}

/** What a node does before it does anything else: counts its start on disk, by the daemon's own steps. Null: it didn't get through. */
export function startFromDisk(disk: SimDisk, options: SimStartOptions): Identity | null {
  const { newId, crashBefore = Number.POSITIVE_INFINITY, keepStep = () => true } = options;
  const kept = disk.read(identityFile)?.toString('utf8') ?? null;
  const { identity, text } = nextIdentity(kept, { path: identityFile, newId });
  for (const [index, step] of replaceFileSteps(identityFile, text).entries()) {
    if (index === crashBefore) return null;
    if (keepStep(step)) disk.perform(step);
  }
  return identity;
}
