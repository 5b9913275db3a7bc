import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { clusterFor } from '../support/cluster-for.js';
import { readmePrograms } from '../support/readme-programs.js';
import { repositoryRoot } from '../tidy/source-tree.js';

const programs = readmePrograms();

/** What stands behind each `console.log(...);` is what it prints. */
function printedBy(program: string): string[] {
  return [...program.matchAll(/^ *console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text as string);
}

t.test('the programs of the README print what they say', { timeout: 60_000 }, async (t) => {
  t.equal(programs.length, 3);
  const cluster = await clusterFor(t, { nodes: 1 });
  const { client } = cluster.nodes[0] ?? { client: '' };
  mkdirSync(join(cluster.directory, 'node_modules'));
  symlinkSync(repositoryRoot, join(cluster.directory, 'node_modules/rondo'));
  for (const [index, program] of programs.entries()) {
    const path = join(cluster.directory, `program-${index}.ts`);
    writeFileSync(path, program.replaceAll('127.0.0.1:7411', client));
    const jiti = join(repositoryRoot, 'node_modules/.bin/jiti');
    const output = await new Promise<string>((resolve) => {
      execFile(jiti, [path], { timeout: 30_000 }, (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
    });
    t.strictSame(output.trimEnd().split('\n'), printedBy(program), `program ${index + 1}`);
    t.ok(printedBy(program).length > 0);
  }
});
