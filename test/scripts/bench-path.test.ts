import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { pathSteps } from '../../scripts/bench/job-path.js';
import { besideLimit, overLimit, verdictOf } from '../../scripts/bench/path-limits.js';

interface Output {
  readonly costs: Readonly<
    Record<
      string,
      {
        readonly bytes: number;
        readonly wireBytes: number;
        readonly steps: readonly { readonly step: string }[];
      }
    >
  >;
  readonly over: readonly string[];
}

/** As npm runs it, with little to measure. */
function benchPath(): { readonly status: number | null; readonly output: Output } {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const [flags] = /--\S+ --\S+ --\S+(?= dist)/.exec(scripts['bench-path'] ?? '') ?? [''];
  const args = [...flags.split(' '), 'dist/scripts/bench-path.js', '--rounds', '5', '--json'];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, output: JSON.parse(stdout) as Output };
}

t.test('a job may cost a fifth more memory and half more time than was accepted, and no more', async (t) => {
  const way = 'memory, one copy';
  const accepted = { bytes: 5_000, ratio: 6 };
  t.strictSame(overLimit(way, { bytes: 6_000, ratio: 9 }, accepted), []);
  t.match(overLimit(way, { bytes: 6_001, ratio: 9 }, accepted), [/takes 6001 bytes .* at most 6000 bytes/]);
  t.match(overLimit(way, { bytes: 6_000, ratio: 9.1 }, accepted), [/takes 9\.1 × .* at most 9\.0 ×/]);
  t.equal(overLimit(way, { bytes: 10_000, ratio: 12 }, accepted).length, 2);
  t.match(besideLimit({ bytes: 5_100, ratio: 6.2 }, accepted), '5100 bytes of the heap (at most 6000 bytes');
  t.match(verdictOf([]), /^passed/);
  t.match(verdictOf(['one']), /^failed: 1 /);
});

t.test(
  'a job is followed through every step, and the exit code is that of what is over its limit',
  async (t) => {
    const { status, output } = benchPath();
    t.same(
      Object.keys(output.costs),
      Object.keys(JSON.parse(readFileSync('scripts/bench/path-limits.json', 'utf8'))),
    );
    for (const [way, { bytes, wireBytes, steps }] of Object.entries(output.costs)) {
      t.same(
        steps.map(({ step }) => step),
        pathSteps,
        way,
      );
      t.ok(bytes > 1_000 && bytes < 100_000, `${way}: ${bytes} bytes of the heap`);
      t.ok(wireBytes > 100 && wireBytes < 2_000, `${way}: ${wireBytes} bytes between the nodes`);
    }
    t.equal(status, output.over.length === 0 ? 0 : 1);
  },
);
