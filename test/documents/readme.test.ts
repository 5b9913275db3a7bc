import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import t from 'tap';
import { rowNames } from '../../scripts/membership/rows.js';
import { buildProgram } from '../../src/cli/program.js';
import { clientErrorCodes } from '../../src/client/error-codes.js';
import { errorCodes } from '../../src/core/errors.js';
import { configKeys } from '../../src/node/config-keys.js';
import { renderDefaultFile } from '../../src/node/config-reference.js';
import { optionSpecs } from '../../src/protocol/options.js';
import { verbSpecs } from '../../src/protocol/verbs.js';

const readme = readFileSync('README.md', 'utf8');
const architecture = readFileSync('ARCHITECTURE.md', 'utf8');
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'src/protocol/PROTOCOL.md',
  'examples/clients/README.md',
  'scripts/bench/COST-MODEL.md',
];
const program = buildProgram('0.0.0');

function matchesOf(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] as string);
}

/** What stands between back-quotes in running text; blocks of code are left out. */
function codeSpans(text: string): string[] {
  return matchesOf(text.replace(/^```[\s\S]*?^```$/gm, ''), /`([^`\n]+)`/g);
}

/** What a reader may type: blocks of code, indented lines, and what stands between back-quotes. */
function typeable(text: string): string[] {
  const blocks = matchesOf(text, /^```console.*\n([\s\S]*?)^```$/gm).flatMap((block) =>
    block.split('\n').filter((line) => line.startsWith('$ ')),
  );
  return [...blocks, ...matchesOf(text, /^ {4}(.+)$/gm), ...codeSpans(text)];
}

t.test('every npm script that a document names exists, and so do the tests that it is given', (t) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  for (const document of documents) {
    const text = readFileSync(document, 'utf8');
    const named = [
      ...matchesOf(text, /npm run (?:--silent )?([a-z:-]*[a-z])/g),
      ...matchesOf(text, /npm (test)\b/g),
    ];
    for (const name of new Set(named)) t.ok(name in scripts, `${document}: npm run ${name}`);
    const runner = readFileSync('scripts/run-tests.ts', 'utf8');
    for (const flag of matchesOf(text, /npm test -- --([a-z-]+)/g))
      t.match(runner, `  --${flag}  `, `${document}: npm test -- --${flag}`);
    for (const pattern of matchesOf(text, /npm test -- ([a-z][a-z/-]*)/g)) {
      const tests = readdirSync('test', { recursive: true, encoding: 'utf8' });
      const isThere = tests.some((path) => path.endsWith('.test.ts') && `test/${path}`.includes(pattern));
      t.ok(isThere, `${document}: npm test -- ${pattern}`);
    }
  }
  t.end();
});

t.test('every row of measure-membership that a document names exists, and each stands in the README', (t) => {
  const named = documents.flatMap((document) =>
    matchesOf(readFileSync(document, 'utf8'), /measure-membership -- --row ([a-z0-9-]+)/g),
  );
  t.strictSame(new Set(named), new Set(rowNames));
  t.end();
});

t.test('every row of the table of membership has a figure', (t) => {
  const section = readme.slice(readme.indexOf('### Membership'), readme.indexOf('## Beside what'));
  const figures = matchesOf(section, /^\| (?!what|-)[^|]+\|([^|]+)\|/gm);
  t.ok(figures.length >= 13);
  for (const figure of figures) t.match(figure, /\d/);
  t.end();
});

t.test('every relative link leads somewhere', (t) => {
  for (const document of documents) {
    const targets = matchesOf(readFileSync(document, 'utf8'), /\]\((?!https?:)([^)#]+)/g);
    for (const target of targets) t.ok(existsSync(join(dirname(document), target)), `${document}: ${target}`);
  }
  t.end();
});

/** The commands that stand in a line, each with its own words. */
function rondoCalls(line: string): string[][] {
  return line
    .split(/[;|&()]+/)
    .map((part) => part.replace(/^.*?\brondo(?= [a-z])/, 'rondo').trim())
    .filter((part) => part.startsWith('rondo '))
    .map((part) => part.split(/\s+/).slice(1));
}

function flagsOf(command: Command): (string | undefined)[] {
  return [...command.options.map(({ long }) => long), '--help'];
}

t.test('every rondo command and every flag that the README names exists', (t) => {
  const calls = typeable(readme).flatMap(rondoCalls);
  t.ok(calls.length > 10, 'there are some');
  for (const [name, ...words] of calls) {
    const command = program.commands.find((each) => each.name() === name);
    t.ok(command !== undefined, `rondo ${name}`);
    if (command === undefined) continue;
    for (const flag of words.filter((word) => word.startsWith('--')))
      t.ok(flagsOf(command).includes(flag), `rondo ${name} ${flag}`);
  }
  const allFlags = program.commands.flatMap(flagsOf);
  for (const flag of codeSpans(readme).flatMap((span) => matchesOf(span, /^(--[a-z-]+)/g))) {
    t.ok(allFlags.includes(flag), flag);
  }
  t.end();
});

/** What keeps a node from starting is told by codes of its own. */
const startCodes = new Set(
  ['src/store/data-directory.ts', 'src/store/lmdb-journal.ts'].flatMap((path) =>
    matchesOf(readFileSync(path, 'utf8'), /\b((?:DATA_DIR|JOURNAL)_[A-Z_]+)\b/g),
  ),
);

t.test('every verb, option and error code that the README names is one of the line protocol', (t) => {
  for (const span of codeSpans(readme)) {
    for (const code of matchesOf(span, /^ERR ([A-Z_]+)/g)) t.ok(code in errorCodes, `error code ${code}`);
    for (const word of matchesOf(span, /^([A-Z][A-Z_]{2,})$/g))
      t.ok(
        [errorCodes, clientErrorCodes].some((codes) => word in codes) ||
          verbSpecs.has(word) ||
          startCodes.has(word),
        `verb or error code ${word}`,
      );
    for (const option of matchesOf(span, /^([a-z]+)=$/g)) t.ok(optionSpecs.has(option), `option ${option}=`);
  }
  t.end();
});

/** `core/jobs/room.ts`, `net/line-server` and `protocol/line-*` are all said of files below src. */
function isPathOfSource(path: string): boolean {
  if (path.endsWith('*')) {
    const [directory, start] = [dirname(path), path.slice(dirname(path).length + 1, -1)];
    return readdirSync(join('src', directory)).some((name) => name.startsWith(start));
  }
  return [path, join('src', path), join('src', `${path}.ts`)].some((each) => existsSync(each));
}

t.test('every file and directory that ARCHITECTURE.md names exists', (t) => {
  const layers = readdirSync('src').join('|');
  const inText = matchesOf(
    architecture,
    new RegExp(`((?:src/|test/|bin/|config/|\\b(?:${layers})/)[a-z/*.-]*[a-z*])`, 'gi'),
  );
  t.ok(inText.length > 15, 'there are some');
  for (const path of new Set(inText)) t.ok(isPathOfSource(path), path);
  t.end();
});

t.test("ARCHITECTURE.md's code map has every layer, and no other", (t) => {
  const map = architecture.slice(architecture.indexOf('## Code map'));
  const layers = matchesOf(map.slice(0, map.indexOf('\n## ', 1)), /^- \*\*([a-z]+)\*\*/gm);
  const directories = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  t.strictSame(layers.sort(), directories.map(({ name }) => name).sort());
  t.end();
});

t.test('the table of words has no word twice, and each is used by the source', (t) => {
  const table = architecture.slice(architecture.indexOf('\n## Words'));
  const words = matchesOf(table, /^\| ([a-z]+) +\|/gm).filter((word) => word !== 'word');
  t.ok(words.length > 8, 'there are some');
  t.equal(new Set(words).size, words.length);
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const text = sources.map((path) => readFileSync(join('src', path), 'utf8').toLowerCase()).join('\n');
  for (const word of words) t.ok(text.includes(word), word);
  t.end();
});

t.test('config/rondo.yaml has every setting as the code knows it, with its default', (t) => {
  t.equal(readFileSync('config/rondo.yaml', 'utf8'), renderDefaultFile());
  for (const { leaf } of configKeys.filter(({ inFile }) => inFile))
    t.match(renderDefaultFile(), new RegExp(`^ *${leaf}: `, 'm'), leaf);
  t.end();
});

t.test("the changelog's first version is the one of the package", (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const [latest] = matchesOf(readFileSync('CHANGELOG.md', 'utf8'), /^## (\S+)/gm);
  t.equal(latest, version);
  t.end();
});
