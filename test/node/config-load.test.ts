import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { defaultJobsConfig } from '../../src/core/jobs/config.js';
import { limits } from '../../src/core/limits.js';
import { defaultLinksConfig } from '../../src/core/links/config.js';
import { defaultMembershipConfig } from '../../src/core/membership/config.js';
import { defaultClientServerLimits } from '../../src/net/line-server.js';
import { configKeys } from '../../src/node/config-keys.js';
import { loadConfig } from '../../src/node/config-load.js';
import { renderDefaultFile } from '../../src/node/config-reference.js';
import { clientLimits, jobsConfig, linksConfig, membershipConfig } from '../../src/node/core-config.js';
import { handlerEnvironment } from '../../src/scheduler/handler-env.js';
import { repositoryRoot } from '../tidy/source-tree.js';

const cwd = '/somewhere';

async function problemsOf(env: NodeJS.ProcessEnv, flags: Record<string, unknown> = {}): Promise<string[]> {
  const refused = await loadConfig({ flags, env, cwd }).then(
    () => new Error('it was taken'),
    (error: Error) => error,
  );
  return refused.message.split('\n');
}

t.test('a wrong value is told with its place, what it is, and what is allowed', async (t) => {
  t.same(await problemsOf({ RONDO_THREADS: '1.5' }), [
    'RONDO_THREADS: `threads` is "1.5"; it must be a whole number from 0 to 256',
  ]);
  t.same(await problemsOf({ RONDO_CLUSTER: 'a/b' }), [
    'RONDO_CLUSTER: `cluster` is "a/b"; it must be 1 to 64 letters, digits or _ . : -',
  ]);
  t.same(await problemsOf({}, { http: 'x' }), ['--http: `http` is "x"; it must be host:port, or false']);
  t.same(await problemsOf({ RONDO_LOG_LEVEL: 'loud' }), [
    'RONDO_LOG_LEVEL: `logLevel` is "loud"; it must be debug, info, warn, error or silent',
  ]);
  t.same(await problemsOf({ RONDO_THREAD_MEMORY: '1MiB' }), [
    'RONDO_THREAD_MEMORY: `threadMemory` is "1MiB"; it must be a size (64KiB, 16MiB) from 16MiB to 1024GiB',
  ]);
});

t.test('where a reader knows better what is wrong, it says so', async (t) => {
  t.same(await problemsOf({ RONDO_LISTEN: 'foo:99999' }), [
    'RONDO_LISTEN: `listen` is "foo:99999"; "foo:99999" is not an address: its port must be a whole number from 0 to 65535',
  ]);
  t.match(await problemsOf({}, { tag: ['a=1', 'a=2'] }), [/`a` is given twice/]);
  t.match(await problemsOf({}, { tag: ['x'] }), [/"x" has no "=": it is K=V/]);
  t.match(await problemsOf({}, { tag: ['x='] }), [/"x=" is not K=V/]);
});

t.test('all that is wrong is told at once', async (t) => {
  const problems = await problemsOf({ RONDO_JOBS_TTL: '3', RONDO_JOURNAL: 'maybe' });
  t.match(problems, [/^RONDO_JOURNAL: .* true or false$/, /^RONDO_JOBS_TTL: .* a duration/]);
});

t.test('what is not given has its default, and what is given its unit', async (t) => {
  const flags = { tasks: ['t'], tag: ['b=2', 'a=1'], http: false };
  const env = { RONDO_THREADS: '2', RONDO_JOIN: '127.0.0.1:1, 127.0.0.1:2', RONDO_DRAIN_TIMEOUT: '5m' };
  const { config, sources } = await loadConfig({ flags, env, cwd });
  t.match(config, {
    cluster: 'rondo',
    http: null,
    join: ['127.0.0.1:1', '127.0.0.1:2'],
    tasks: [join(cwd, 't')],
    threads: 2,
    concurrency: 32,
    drainTimeoutMs: 300_000,
    tags: [
      ['a', '1'],
      ['b', '2'],
    ],
  });
  t.same(
    [sources.get('tags'), sources.get('threads'), sources.get('name')],
    ['flag', 'environment', 'default'],
  );
});

t.test(
  'a key that is a slip of the pen off a known one is told which, in a file and in the environment',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'rondo-config-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const config = join(dir, 'rondo.yaml');
    for (const [text, says] of [
      ['nmae: x', /:1: unknown key `nmae`; did you mean `name`\?/],
      ['key_flie: x', /unknown key `key_flie`; did you mean `keyFile`\?/],
      ['x: x', /unknown key `x`$/],
    ] as const) {
      writeFileSync(config, text);
      t.match(await problemsOf({}, { config }), [says], text);
    }
    t.match(await problemsOf({ RONDO_NMAE: 'x' }), [/did you mean `RONDO_NAME`\?/]);
  },
);

t.test('a file is told what is wrong with it in its own words', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rondo-config-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const config = join(dir, 'rondo.yaml');
  for (const [text, says] of [
    ['name: a\n---\nname: b\n', /:2: `---` begins a second document; a configuration is one document/],
    ['---\nname: a b\n', /:2: `name` is "a b"/],
    [
      'commands:\n  w c: { command: [wc] }\n',
      /:2: "w c" in `commands` can't be the name of a task; it must be 1 to 64 letters, digits or _ \. : \/ -$/,
    ],
    [
      'commands:\n  wc: { command: [wc], env: { A=B: 1 } }\n',
      /:2: "A=B" in `commands\.wc\.env` can't be the name of a variable/,
    ],
  ] as const) {
    writeFileSync(config, text);
    t.match(await problemsOf({}, { config }), [says], text);
  }
});

t.test('what no one sets is what the cores go by', async (t) => {
  const { config } = await loadConfig({ flags: {}, env: {}, cwd });
  t.same(membershipConfig(config), defaultMembershipConfig);
  t.same(linksConfig(config), defaultLinksConfig);
  t.same(clientLimits(config), defaultClientServerLimits);
  // How many attempts run at once follows from the machine.
  t.same(jobsConfig({ ...config, concurrency: defaultJobsConfig.concurrency }), defaultJobsConfig);
});

t.test('the file of all defaults is the one that is rendered', (t) => {
  t.equal(readFileSync(join(repositoryRoot, 'config/rondo.yaml'), 'utf8'), renderDefaultFile());
  t.end();
});

t.test('no line and no body may be longer than peers and clients take', async (t) => {
  for (const variable of ['RONDO_LIMITS_LINE_BYTES', 'RONDO_LIMITS_BODY_BYTES']) {
    await t.resolves(loadConfig({ flags: {}, env: { [variable]: `${limits.bodyBytesMax}` }, cwd }));
    t.match(await problemsOf({ [variable]: `${limits.bodyBytesMax + 1}` }), [/ to 16MiB$/], variable);
  }
});

t.test('no secret setting reaches handlers, however its variable is spelt', (t) => {
  const secrets = configKeys.flatMap(({ env, info }) => (info.secret && env !== null ? [env] : []));
  t.ok(secrets.length >= 2);
  for (const name of [...secrets, 'RONDO_TOKEN', 'RONDO_KEY_FILE']) {
    for (const spelling of [name, name.toLowerCase(), `${name}_2`]) {
      t.same(handlerEnvironment({ [spelling]: 'secret', PATH: '/bin' }), { PATH: '/bin' }, spelling);
    }
  }
  t.end();
});
