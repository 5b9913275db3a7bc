import { limits } from '../core/limits.js';
import type { FieldReader } from './peer-fields.js';

/** The field that every node knows: a priority that somebody may give a job. */
export function basePriority(priority: number): number {
  return Math.min(priority, limits.priorityMax);
}

/** The last field, sent only where a job that a handler waits for is above what may be given: an older node takes it for one at the limit. */
export function withPriorityAbove(fields: unknown[], priority: number): unknown[] {
  if (priority > limits.priorityMax) fields.push(priority - limits.priorityMax);
  return fields;
}

export function readBasePriority(fields: FieldReader): number {
  return fields.integer(-limits.priorityMax, limits.priorityMax);
}

export function readPriorityAbove(fields: FieldReader): number {
  const aboveMax = limits.raisedPriorityMax - limits.priorityMax;
  return fields.optional((last) => last.integer(0, aboveMax)) ?? 0;
}
