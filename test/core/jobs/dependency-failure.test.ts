import t from 'tap';
import { dependencyFailed, dependencyLost, failedBefore } from '../../../src/core/jobs/dependency-failure.js';
import { limits } from '../../../src/core/limits.js';

function jobId(number: number): string {
  return `0c4k2jq9t1vb-7h2pa-${number.toString(36)}`;
}

/** The error of the job that comes after so many others, of which the first failed by itself. */
function errorAfter(count: number) {
  let error = { name: 'TypeError', message: 'no' };
  for (let number = 1; number <= count; number++)
    error = dependencyFailed(jobId(number), `${error.name}: ${error.message}`);
  return error;
}

t.test('the error of a job whose dependency failed names it, and those before it', async (t) => {
  t.strictSame(errorAfter(1), {
    name: 'DependencyFailed',
    message: `job ${jobId(1)}, which this one comes after, failed: TypeError: no`,
  });
  t.strictSame(failedBefore(errorAfter(1)), [jobId(1)]);
  t.strictSame(failedBefore(errorAfter(3)), [jobId(1), jobId(2), jobId(3)], 'the first that failed first');
  t.strictSame(failedBefore(dependencyFailed(jobId(1), null)), [jobId(1)], 'one that was cancelled');
  const key = `key-${'0'.repeat(26)}`;
  t.strictSame(failedBefore(dependencyFailed(key, 'Error: x')), [key]);
});

t.test(
  'a chain whose beginning does not fit in an error names no first job, wherever it was cut',
  async (t) => {
    t.equal(failedBefore(errorAfter(1_000)), null);
    const { name, message } = errorAfter(10);
    const namesOf = (length: number) => failedBefore({ name, message: message.slice(0, length) });
    const end = message.indexOf('TypeError');
    for (let length = message.indexOf('failed: ') + 8; length <= end; length++)
      t.equal(namesOf(length), null, `${length} characters of it`);
    t.equal(namesOf(end + 1)?.length, 10);
    t.ok(message.length < limits.errorMessageLengthMax);
  },
);

t.test('errors of other kinds name no job', async (t) => {
  for (const error of [
    { name: 'TypeError', message: `job ${jobId(1)}, which this one comes after, failed: x` },
    { name: 'DependencyFailed', message: 'job of mine, which this one comes after, failed: x' },
    { name: 'DependencyFailed', message: '' },
    dependencyLost(jobId(1)),
  ])
    t.strictSame(failedBefore(error), [], `${error.name}: ${error.message}`);
});
