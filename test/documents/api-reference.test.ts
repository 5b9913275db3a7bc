import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { repositoryRoot } from '../tidy/source-tree.js';

// The compiler takes some ten seconds, and more beside other tests.
t.setTimeout(120_000);

t.test('every public symbol of the library has a comment, and its links lead somewhere', (t) => {
  const script = join(repositoryRoot, 'dist/scripts/docs-api.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--check'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  t.equal(status, 0, `${stdout}${stderr}`);
  t.end();
});
