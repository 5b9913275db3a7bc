import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { clientErrorCodes } from '../../src/client/error-codes.js';
import { RondoError as CoreError, errorCodes } from '../../src/core/errors.js';
import * as library from '../../src/index.js';
import { classNames, errorOf, typedError } from '../../src/library/errors.js';
import { repositoryRoot } from '../tidy/source-tree.js';
import { tabledErrorCodes } from '../tidy/tidy-rules.js';

const exported: Readonly<Record<string, unknown>> = library;

/** The rows of the README's table: each class, and its codes. */
function tabledClasses(): Map<string, string> {
  const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
  const table = readme.slice(readme.indexOf('| error '), readme.indexOf('`Node.start` rejects'));
  const rows = [...table.matchAll(/^\| `([A-Za-z]+)` +\|([^|]+)\|/gm)];
  return new Map(
    rows.flatMap(([, name = '', codes = '']) =>
      [...codes.matchAll(/`([A-Z_0-9]+)`/g)].map(([, code = '']) => [code, name] as const),
    ),
  );
}

t.test('each code of PROTOCOL.md and of the client has its class, and the README tells which', (t) => {
  const specification = readFileSync(join(repositoryRoot, 'src/protocol/PROTOCOL.md'), 'utf8');
  const codes = [...tabledErrorCodes(specification), ...Object.keys(clientErrorCodes)].sort();
  t.strictSame([...classNames.keys()].sort(), codes);
  t.strictSame([...tabledClasses()].sort(), [...classNames].sort());
  for (const name of classNames.values()) t.type(exported[name], 'function', `${name} is exported`);
  t.end();
});

t.test('what a node refuses becomes an error of its class, with the code and the words of the node', (t) => {
  for (const code of [...Object.keys(errorCodes), ...Object.keys(clientErrorCodes)]) {
    if (code === 'JOB_FAILED') continue;
    const error = errorOf({ ok: false, code, message: 'why' }, 'some-id');
    t.ok(error instanceof library.RondoError);
    t.match(error, { code, message: 'why', name: classNames.get(code) });
    if (code === 'JOB_CANCELLED') continue;
    const raised = typedError(new CoreError(code, 'why')) as library.RondoError;
    t.match(raised, { code, name: classNames.get(code) }, 'and so does what the client raises itself');
  }
  t.equal(
    errorOf({ ok: false, code: 'NEWER', message: '' }).constructor,
    library.RondoError,
    'a code of a newer node',
  );
  const busy = errorOf({ ok: false, code: 'BUSY', message: 'retry-after=250ms the queue is full' });
  t.equal((busy as library.BusyError).retryAfterMs, 250);
  const fault = new TypeError('a mistake');
  t.equal(typedError(fault), fault, 'what is no operating error stays what it is');
  t.end();
});

t.test('a failed job tells its id, its attempts and what its task threw', (t) => {
  const message = '{"id":"a-b-1","name":"RangeError","message":"too far","attempts":3}';
  const error = errorOf({ ok: false, code: 'JOB_FAILED', message });
  t.match(error, {
    name: 'JobFailedError',
    code: 'JOB_FAILED',
    id: 'a-b-1',
    attempts: 3,
    message: 'job a-b-1 failed: RangeError: too far',
    cause: { name: 'RangeError', message: 'too far' },
  });
  t.match(errorOf({ ok: false, code: 'JOB_FAILED', message: 'no JSON' }, 'x'), { id: 'x', attempts: null });
  t.match(errorOf({ ok: false, code: 'JOB_CANCELLED', message: 'gone' }, 'x'), {
    id: 'x',
    name: 'JobCancelledError',
  });
  t.end();
});
