import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { repositoryRoot } from '../tidy/source-tree.js';

// The compiler takes some ten seconds, and more beside other tests.
t.setTimeout(120_000);

t.test(
  'every public symbol of the library has a comment, its links lead somewhere, and it is told where it stands',
  (t) => {
    const script = join(repositoryRoot, 'dist/scripts/docs-api.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
      cwd: repositoryRoot,
      encoding: 'utf8',
    });
    t.equal(status, 0, `${stdout}${stderr}`);
    t.equal(stdout, 'The reference is written: open dist/api/index.html\n');
    t.ok(existsSync(join(repositoryRoot, 'dist/api/index.html')));
    t.end();
  },
);
