import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { comparableRondo, own } from '../../scripts/bench/contenders/own.js';
import { workloads } from '../../scripts/bench/figures.js';
import { pageDirectory, pagesOf, readLimits, resultsPath } from '../../scripts/bench/pages.js';
import { renderTable, withTable } from '../../scripts/bench/readme-table.js';
import { readResults } from '../../scripts/bench/results.js';
import { targets } from '../../scripts/bench/targets.js';

const results = readResults(resultsPath);
const again = 'run npm run bench -- --pages';

t.test('the page, the chart and the file of results are what the results say', async (t) => {
  for (const [name, text] of Object.entries(pagesOf(results)))
    t.equal(readFileSync(join(pageDirectory, name), 'utf8'), text, `${name}: ${again}`);
});

t.test("the README's table of speed is made of the same results", async (t) => {
  const readme = readFileSync('README.md', 'utf8');
  t.equal(withTable(readme, results), readme, again);
  t.match(readme, '](scripts/bench/RESULTS.md)');
  const rows = renderTable(results).split('\n').slice(2);
  t.ok(rows.length > 5);
  for (const row of rows) t.match(row, /^\| [^|]+ \| [^|]*\d/, 'each row has a figure of Rondo');
});

t.test('every figure was measured by a contender whose settings the page has', async (t) => {
  const page = readFileSync(join(pageDirectory, 'RESULTS.md'), 'utf8');
  for (const name of new Set(results.figures.map(({ contender }) => contender))) {
    const facts = results.contenders.find((contender) => contender.name === name);
    t.ok(facts !== undefined && facts.settings !== '', name);
    t.match(page, `- **${name}**: `);
  }
});

t.test('only targets that there are have an explanation', async (t) => {
  const ids = targets.map(({ id }) => id);
  for (const id of Object.keys(readLimits()))
    t.ok(ids.includes(id), `limits.json: ${id} is one of ${ids.join(', ')}`);
  t.equal(new Set(ids).size, ids.length);
});

t.test('the setting of Rondo that others are compared with is measured for that workload', async (t) => {
  for (const workload of Object.keys(workloads) as (keyof typeof workloads)[]) {
    const contender = own.find(({ name }) => name === comparableRondo[workload]);
    t.ok(contender?.workloads.includes(workload), workload);
  }
});
