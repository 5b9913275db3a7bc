#!/usr/bin/env node
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
