import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { readmePrograms } from '../support/readme-programs.js';
import { repositoryRoot } from '../tidy/source-tree.js';

interface Ran {
  readonly code: number;
  readonly output: string;
}

function run(command: string, args: readonly string[], directory: string): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: directory, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, output: `${stdout}${code === 0 ? '' : stderr}`.trim() });
    });
  });
}

/** As `npm install rondo-0.1.0.tgz` leaves an empty directory, but that what the package depends on is linked and not fetched. */
async function install(t: Test): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-package-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  const pack = ['pack', '--ignore-scripts', '--offline', '--silent', '--pack-destination', directory];
  const packed = await run('npm', pack, repositoryRoot);
  t.equal(packed.code, 0, packed.output);
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) ?? '';
  const unpacked = await run('tar', ['-xzf', join(directory, tarball), '-C', modules], directory);
  t.equal(unpacked.code, 0, unpacked.output);
  await run('mv', [join(modules, 'package'), join(modules, 'rondo')], directory);
  const { dependencies } = JSON.parse(readFileSync(join(modules, 'rondo/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(repositoryRoot, 'node_modules', name), join(modules, name));
  }
  cpSync(join(repositoryRoot, 'test/fixtures/package'), directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  return directory;
}

function check(directory: string, file: string): Promise<Ran> {
  const strict = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--noUncheckedIndexedAccess',
    '--verbatimModuleSyntax',
    'false',
  ];
  const options = [
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2023,esnext.disposable',
  ];
  const types = ['--types', 'node', '--skipLibCheck', 'false'];
  const tsc = join(repositoryRoot, 'node_modules/.bin/tsc');
  return run(tsc, [...options, ...strict, ...types, file], directory);
}

t.test('the package works where it is installed', { timeout: 120_000 }, async (t) => {
  const directory = await install(t);
  const shown = JSON.stringify({ sums: [3, 7], isFailed: true, says: 'no' });
  for (const program of ['program.mjs', 'program.cjs']) {
    t.strictSame(await run(process.execPath, [program], directory), { code: 0, output: shown }, program);
  }
  for (const file of ['typed.ts', 'classic.cts']) {
    t.strictSame(await check(directory, file), { code: 0, output: '' }, `${file} has the types that it says`);
  }
  for (const [index, program] of readmePrograms().entries()) {
    writeFileSync(join(directory, `readme-${index}.ts`), program);
    t.strictSame(
      await check(directory, `readme-${index}.ts`),
      { code: 0, output: '' },
      `README, program ${index + 1}`,
    );
  }
  const wrong = readFileSync(join(directory, 'typed.ts'), 'utf8').replace(
    '// @ts-expect-error: b is no text',
    '',
  );
  writeFileSync(join(directory, 'wrong.ts'), wrong);
  const { code, output } = await check(directory, 'wrong.ts');
  t.not(code, 0);
  t.match(output, /Type 'string' is not assignable to type 'number'/, 'a wrong argument is an error');
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const rondo = await run(process.execPath, ['node_modules/rondo/bin/rondo.js', '--version'], directory);
  t.strictSame(rondo, { code: 0, output: version }, 'the command is there');
});
