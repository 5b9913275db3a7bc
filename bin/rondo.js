#!/usr/bin/env node
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// From Node 22.1 on, what was compiled is kept for the next start: beside the code, since whoever can write there can
// change the code itself. Node's own choice is in /tmp, where others might put theirs. Where it can't be written, nothing is kept.
module.enableCompileCache?.(fileURLToPath(new URL('../dist/.compile-cache', import.meta.url)));

import('../dist/src/cli/main.js').then(
  ({ main }) => main(process.argv),
  (error) => {
    process.stderr.write(
      error?.code === 'ERR_MODULE_NOT_FOUND' && String(error.message).includes('dist/src/cli/main.js')
        ? 'rondo: this checkout is not built yet. Run: npm run setup\n'
        : `rondo: ${error?.stack ?? error}\n`,
    );
    process.exitCode = 1;
  },
);
