import type { SimulationResult } from '../../sim/simulation-result.js';
import { commandOf, describeOptions, type Section, sectionsOf } from './sections.js';

/** The result as text: a table of what, how much, and what that means. */
export function textOf(result: SimulationResult): string {
  const sections = sectionsOf(result);
  const rows = sections.flatMap((section) => section.rows);
  const widths = [
    Math.max(...rows.map(({ label }) => label.length)),
    Math.max(...rows.map(({ value }) => value.length)),
  ];
  const lines = sections.flatMap((section) => ['', section.title, ...linesOf(section, widths)]);
  return [describeOptions(result.options), ...lines, '', `again: ${commandOf(result.options)}`, ''].join(
    '\n',
  );
}

function linesOf({ rows }: Section, [labelWidth = 0, valueWidth = 0]: readonly number[]): string[] {
  return rows.map(
    ({ label, value, meaning }) => `  ${label.padEnd(labelWidth)}  ${value.padEnd(valueWidth)}  ${meaning}`,
  );
}
