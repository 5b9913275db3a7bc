import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const setupPath = fileURLToPath(new URL('../../../scripts/setup.mjs', import.meta.url));

/** A compiler that writes down that it was called, and an output for each source. */
const fakeTsc = `
import { appendFileSync, cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
appendFileSync('tsc-calls', 'x');
if (existsSync('src/wrong.ts')) process.exit(2);
for (const name of readdirSync('src')) cpSync('src/' + name, 'dist/src/' + name.replace('.ts', '.js'), { recursive: true });
`;

interface Checkout {
  readonly path: (name: string) => string;
  readonly write: (name: string, text: string) => void;
  readonly setup: () => { readonly status: number | null; readonly stderr: string };
  readonly builds: () => number;
}

/** A checkout with one installed package and one source. */
function checkout(t: Test): Checkout {
  const root = t.testdir({});
  const path = (name: string): string => join(root, name);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text);
  };
  const packages = {
    '': {},
    'node_modules/typescript': { version: '1.0.0' },
    'node_modules/mac': { optional: true },
  };
  write('package-lock.json', JSON.stringify({ packages }));
  write(
    'node_modules/.package-lock.json',
    JSON.stringify({ packages: { 'node_modules/typescript': { version: '1.0.0' } } }),
  );
  write('node_modules/typescript/package.json', '{ "type": "module" }');
  write('node_modules/typescript/bin/tsc', fakeTsc);
  write('tsconfig.json', '{}');
  write('src/main.ts', 'one');
  mkdirSync(path('scripts'));
  copyFileSync(setupPath, path('scripts/setup.mjs'));
  return {
    path,
    write,
    setup: () => {
      const env = { ...process.env, PATH: path('no-programs-here'), npm_execpath: '' };
      return spawnSync(process.execPath, [path('scripts/setup.mjs')], {
        encoding: 'utf8',
        env,
        timeout: 20_000,
      });
    },
    builds: () => (existsSync(path('tsc-calls')) ? readFileSync(path('tsc-calls'), 'utf8').length : 0),
  };
}

t.test('it builds once, and again when a source has changed', (t) => {
  const { write, setup, builds } = checkout(t);
  t.equal(setup().status, 0);
  t.equal(setup().status, 0);
  t.equal(builds(), 1);
  write('src/main.ts', 'another');
  t.equal(setup().status, 0);
  t.equal(builds(), 2);
  t.end();
});

t.test('fixtures, which are not compiled, ask for no build', (t) => {
  const { write, setup, builds } = checkout(t);
  setup();
  write('test/fixtures/tasks/typed.ts', 'x');
  t.equal(setup().status, 0);
  t.equal(builds(), 1);
  t.end();
});

t.test('packages installed beside sources ask for no build', (t) => {
  const { write, setup, builds } = checkout(t);
  setup();
  write('scripts/bench/peers/node_modules/some/index.ts', 'x');
  t.equal(setup().status, 0);
  t.equal(builds(), 1);
  t.end();
});

t.test('what was compiled from a source that is gone goes too', (t) => {
  const { path, write, setup } = checkout(t);
  write('src/old.ts', 'x');
  setup();
  t.ok(existsSync(path('dist/src/old.js')));
  rmSync(path('src/old.ts'));
  setup();
  t.notOk(existsSync(path('dist/src/old.js')));
  t.ok(existsSync(path('dist/src/main.js')));
  t.end();
});

t.test('a build that failed is tried again, and not taken for done', (t) => {
  const { path, write, setup, builds } = checkout(t);
  write('src/wrong.ts', 'x');
  t.match(setup(), { status: 1, stderr: /Building \(tsc\) failed with exit code 2/ });
  t.match(setup(), { status: 1 });
  t.equal(builds(), 2);
  rmSync(path('src/wrong.ts'));
  t.equal(setup().status, 0);
  t.end();
});

t.test('outputs that somebody has removed are built again', (t) => {
  const { path, setup, builds } = checkout(t);
  setup();
  rmSync(path('dist/src/main.js'));
  t.equal(setup().status, 0);
  t.equal(builds(), 2);
  t.ok(existsSync(path('dist/src/main.js')));
  t.end();
});

t.test('it installs when packages are missing or others than the lock file asks for', (t) => {
  const { path, write, setup } = checkout(t);
  const installs = { status: 1, stderr: /npm is not in PATH/ };
  write('node_modules/.package-lock.json', '{"packages":{"node_modules/typescript":{"version":"0.9.0"}}}');
  t.match(setup(), installs, 'another version');
  write('node_modules/.package-lock.json', '{"packages":{}}');
  t.match(setup(), installs, 'a package npm knows nothing of');
  rmSync(path('node_modules'), { recursive: true });
  t.match(setup(), installs, 'nothing at all');
  write('node_modules/half/package.json', '{}');
  t.match(setup(), installs, 'an installation that was interrupted');
  t.notOk(existsSync(path('node_modules/half')), 'is removed first');
  t.end();
});

t.test(
  'the lock of a process that is gone is no obstacle, that of a running one is waited for',
  async (t) => {
    const { path, write, setup } = checkout(t);
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    write('dist/.rondo-setup.lock', String(gone));
    t.equal(setup().status, 0);
    t.notOk(existsSync(path('dist/.rondo-setup.lock')), 'and none is left behind');

    write('dist/.rondo-setup.lock', String(process.pid));
    const waiting = spawn(process.execPath, [path('scripts/setup.mjs')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => waiting.once('exit', resolve));
    waiting.stderr.setEncoding('utf8');
    t.match(
      await new Promise((resolve) => waiting.stderr.once('data', resolve)),
      /Waiting for another setup/,
    );
    rmSync(path('dist/.rondo-setup.lock'));
    t.equal(await ended, 0);
  },
);
