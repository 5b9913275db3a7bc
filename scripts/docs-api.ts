import { register } from 'node:module';
import { readArguments, type ScriptUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'docs-api',
  call: 'npm run docs:api -- [--check]',
  text: `
Writes the reference of the library, made from the comments in its source, to dist/api: open dist/api/index.html. It fails where a public
symbol has no comment, or a comment links to nothing.

  --check  writes nothing
`,
};

// typedoc works with the compiler's API for JavaScript, which TypeScript 7 has no more: it gets the last version that has.
const redirect = `export function resolve(specifier, context, next) {
  const isOfTypedoc = context.parentURL?.includes('/node_modules/typedoc/') === true;
  return next(isOfTypedoc && specifier === 'typescript' ? 'typescript-for-typedoc' : specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(redirect)}`);
const { Application, LogLevel } = await import('typedoc');

async function main(): Promise<number> {
  const { values } = readArguments(usage, { check: { type: 'boolean', default: false } });
  const app = await Application.bootstrap({
    entryPoints: ['src/index.ts'],
    tsconfig: 'scripts/docs-api.tsconfig.json',
    name: 'rondo',
    readme: 'none',
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    validation: { notExported: true, invalidLink: true, notDocumented: true, rewrittenLink: true },
    treatWarningsAsErrors: true,
    logLevel: LogLevel.Warn,
    requiredToBeDocumented: [
      'Class',
      'Interface',
      'TypeAlias',
      'Function',
      'Variable',
      'Method',
      'Property',
      'Accessor',
    ],
  });
  const project = await app.convert();
  if (project === undefined) return 1;
  app.validate(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) return 1;
  if (values.check) return 0;
  await app.generateDocs(project, 'dist/api');
  if (app.logger.hasErrors()) return 1;
  process.stdout.write('The reference is written: open dist/api/index.html\n');
  return 0;
}

process.exitCode = await main();
