import t from 'tap';
import type { NodeMetrics } from '../../src/http/node-metrics.js';
import { createMetricsPage } from '../../src/http/prometheus.js';

/** Every number is 2, every group of numbers one of 3. */
const numbers = new Proxy({} as NodeMetrics, {
  get: (_, name) => (name === 'members' || name === 'jobs' ? { some: 3 } : 2),
});

/** A sample a line: the name with its labels, and the value. */
function samplesOf(page: string): Map<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

t.test(
  'the first page has a number for everything, and the same page again the same ones of ours',
  async (t) => {
    const page = await createMetricsPage(() => numbers);
    const first = samplesOf(await page.render());
    for (const [name, value] of first) t.ok(Number.isFinite(value), `${name} ${value}`);
    t.equal(first.get('rondo_jobs{state="some"}'), 3);
    t.equal(first.get('rondo_jobs_done_total'), 2);
    t.equal(first.get('rondo_event_loop_delay_seconds'), 0.002);
    t.notMatch([...first.keys()].join(' '), /eventloop_lag_/, 'what each look sets back is left out');
    const second = samplesOf(await page.render());
    for (const [name, value] of first) if (name.startsWith('rondo_')) t.equal(second.get(name), value, name);
  },
);

t.test('processor time is counted from the start of the process', async (t) => {
  const before = process.cpuUsage();
  const page = await createMetricsPage(() => numbers);
  const samples = samplesOf(await page.render());
  const after = process.cpuUsage();
  for (const part of ['user', 'system'] as const) {
    const seconds = samples.get(`process_cpu_${part}_seconds_total`) ?? Number.NaN;
    t.ok(seconds >= before[part] / 1e6 && seconds <= after[part] / 1e6, `${part}: ${seconds}`);
  }
  const total = samples.get('process_cpu_seconds_total') ?? Number.NaN;
  t.ok(total >= (before.user + before.system) / 1e6);
});
