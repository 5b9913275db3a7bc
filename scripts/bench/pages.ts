import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderChart } from './chart.js';
import { makeDirectories } from './directories.js';
import { type Limits, renderPage } from './page.js';
import { withTable } from './readme-table.js';
import { type Results, writtenResults } from './results.js';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Where the page stands that the README links to. */
export const pageDirectory = join(root, 'scripts', 'bench');
export const resultsPath = join(pageDirectory, 'results.json');
const limitsPath = join(pageDirectory, 'limits.json');
const readmePath = join(root, 'README.md');

/** The files that are made of the results alone, by their names in `pageDirectory`. */
export function pagesOf(results: Results): Readonly<Record<string, string>> {
  return {
    'RESULTS.md': renderPage(results, readLimits()),
    'results.svg': renderChart(results),
    'results.json': writtenResults(results),
  };
}

/** Writes them into a directory, and in `pageDirectory` the README's table too. Gives the paths of what was written. */
export function writePages(directory: string, results: Results): string[] {
  const texts = Object.entries(pagesOf(results)).map(
    ([name, text]) => [join(directory, name), text] as const,
  );
  const readme = [readmePath, withTable(readFileSync(readmePath, 'utf8'), results)] as const;
  const all = directory === pageDirectory ? [...texts, readme] : texts;
  makeDirectories(directory);
  for (const [path, text] of all) writeFileSync(path, text);
  return all.map(([path]) => path);
}

export function readLimits(): Limits {
  return JSON.parse(readFileSync(limitsPath, 'utf8')) as Limits;
}
