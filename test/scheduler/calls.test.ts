import t from 'tap';
import type { SubmitCommand } from '../../src/core/commands.js';
import { bytesReply, errorReply, okReply } from '../../src/core/reply.js';
import { ClusterCalls } from '../../src/scheduler/cluster-calls.js';
import { AttemptContext, ProgressBoard } from '../../src/scheduler/task-context.js';
import { ReportBatch } from '../../src/scheduler/thread-messages.js';
import { TestScheduler } from './harness.js';

/** Who asks when it is too late asks nobody. */
const endedContext = (): AttemptContext => {
  const silent = new ReportBatch(() => t.fail('nothing is reported'));
  const context = new AttemptContext({
    run: 1,
    job: 'aaaaaaaaaaaa-bbbbb-1',
    attempt: 1,
    node: 'test',
    reports: silent,
    progressBoard: new ProgressBoard(silent),
    calls: new ClusterCalls(silent),
  });
  AttemptContext.end(context);
  return context;
};

const done = (value: unknown): unknown => ({ type: 'done', result: JSON.stringify(value) });

t.test('a handler that has ended is told by an error with a code', async (t) => {
  const context = endedContext();
  for (const late of [context.call('echo'), context.submit('echo'), context.publish('room.1', 1)])
    await t.rejects(late, { name: 'AbortError', code: 'ABORT_ERR', message: /the attempt has ended/ });
});

for (const threads of [1, 0]) {
  t.test(`with threads: ${threads}`, async (t) => {
    const node = new TestScheduler({ threads, concurrency: 1 });
    await node.scheduler.load();
    t.teardown(() => node.scheduler.close());
    const asked = async (count = 1): Promise<TestScheduler['calls']> => {
      const before = node.calls.length;
      await node.until(() => node.calls.length >= before + count);
      return node.calls.slice(before);
    };

    t.test('a handler calls a job, and is given its result', async (t) => {
      const run = node.start('asks', { name: 'sum', value: [1, 2], options: { timeout: '5s', retries: 2 } });
      const [call] = await asked();
      t.match(call, {
        run,
        command: {
          type: 'submit',
          wait: true,
          task: 'sum',
          args: '[1,2]',
          options: { timeoutMs: 5_000, retries: 2 },
        },
      });
      node.scheduler.answer(call?.call ?? 0, okReply('3'));
      t.same(await node.outcome(run), done(3));
    });

    t.test('it submits, and is given the id; it publishes, and is given a number', async (t) => {
      const submitted = node.start('asks', { verb: 'submit', value: 1 });
      const [submit] = await asked();
      t.match(submit?.command, { type: 'submit', wait: false, task: 'echo' });
      node.scheduler.answer(submit?.call ?? 0, okReply('aaaaaaaaaaaa-bbbbb-1 copies=2 durable=yes'));
      t.same(await node.outcome(submitted), done('aaaaaaaaaaaa-bbbbb-1'));
      const published = node.start('asks', { verb: 'publish', name: 'room.1', value: { text: 'hi' } });
      const [publish] = await asked();
      t.strictSame(publish?.command, { type: 'publish', topic: 'room.1', payload: '{"text":"hi"}' });
      node.scheduler.answer(publish?.call ?? 0, okReply('7'));
      t.same(await node.outcome(published), done(7));
    });

    t.test('bytes come back as bytes', async (t) => {
      const run = node.start('asks', {});
      const [call] = await asked();
      node.scheduler.answer(call?.call ?? 0, bytesReply(new Uint8Array([1, 2])));
      t.same(await node.outcome(run), { type: 'done', result: new Uint8Array([1, 2]) });
    });

    t.test('what went wrong can be caught, and says what', async (t) => {
      const run = node.start('asks', { caught: true });
      const [call] = await asked();
      const failure = { id: 'aaaaaaaaaaaa-bbbbb-1', name: 'TypeError', message: 'no', attempts: 1 };
      node.scheduler.answer(call?.call ?? 0, errorReply('JOB_FAILED', JSON.stringify(failure)));
      t.same(
        await node.outcome(run),
        done({
          name: 'JobFailedError',
          code: 'JOB_FAILED',
          message: 'job aaaaaaaaaaaa-bbbbb-1 failed: TypeError: no',
          id: 'aaaaaaaaaaaa-bbbbb-1',
          attempts: 1,
          cause: 'TypeError',
        }),
      );
      const other = node.start('asks', { caught: true });
      const [second] = await asked();
      node.scheduler.answer(second?.call ?? 0, errorReply('BUSY', 'retry-after=1s full'));
      t.same(
        await node.outcome(other),
        done({ name: 'RondoError', code: 'BUSY', message: 'retry-after=1s full' }),
      );
    });

    const mistakes: readonly [args: object, code: string, message: RegExp][] = [
      [{ name: 'no task' }, 'BAD_REQUEST', /"no task" is not the name of a task/],
      [
        { options: { retires: 1 } },
        'BAD_OPTION',
        /there is no option "retires" here. Did you mean retries\?/,
      ],
      [{ options: { timeout: -1 } }, 'BAD_OPTION', /timeout: -1 won't do/],
      [{ verb: 'publish', name: 'room.*' }, 'BAD_REQUEST', /"room.\*" is not the name of a topic/],
    ];
    for (const [args, code, message] of mistakes) {
      t.test(`a mistake (${JSON.stringify(args)}) is told, and nothing is asked`, async (t) => {
        const before = node.calls.length;
        const outcome = await node.run('asks', { ...args, caught: true });
        const { result } = outcome as { result: string };
        t.match(JSON.parse(result), { code, message });
        t.equal(node.calls.length, before);
      });
    }

    t.test('while it waits its place is for jobs of a higher priority, and no others', async (t) => {
      const parent = node.start('asks', {});
      const [call] = await asked();
      const equal = node.start('asks', { verb: 'submit' }, { priority: 0 });
      const child = node.start('sum', [1, 2], { priority: 1 });
      t.same(await node.outcome(child), done(3), 'it runs beside its parent, where one runs at once');
      t.notOk(node.started.includes(equal));
      node.scheduler.answer(call?.call ?? 0, okReply('3'));
      t.same(await node.outcome(parent), done(3));
      const [submit] = await asked();
      node.scheduler.answer(submit?.call ?? 0, okReply('x'));
      await node.outcome(equal);
    });

    t.test('jobs that wait for jobs never wait for room, however deep', async (t) => {
      const depth = 50;
      const runs: number[] = [];
      for (let level = 0; level < depth; level++) {
        runs.push(node.start('asks', {}, { priority: level }));
        await asked();
      }
      for (const run of [...runs].reverse()) {
        const call = node.calls.find((each) => each.run === run);
        node.scheduler.answer(call?.call ?? 0, okReply('"deep"'));
        t.same(await node.outcome(run), done('deep'));
      }
      const after = node.start('sum', [1]);
      t.same(await node.outcome(after), done(1));
    });

    t.test('one that is told to stop is not left waiting', async (t) => {
      const run = node.start('asks', {});
      const [call] = await asked();
      node.scheduler.stop(run, 'cancelled');
      t.same(await node.outcome(run), { type: 'stopped' });
      node.scheduler.answer(call?.call ?? 0, okReply('1'));
      t.same(await node.run('sum', [4]), done(4), 'and its place is free');
    });

    t.test('what it waits for when it is told to stop rejects with a code', async (t) => {
      const run = node.start('asks', { caught: true });
      await asked();
      node.scheduler.stop(run, 'cancelled');
      const message = 'the attempt has ended, or is to stop';
      t.same(await node.outcome(run), done({ name: 'AbortError', code: 'ABORT_ERR', message }));
    });

    t.test('a place is lent once, however many jobs one waits for', async (t) => {
      const run = node.start('asks', { times: 5 });
      const calls = await asked(5);
      const first = node.start('wait', null, { priority: 1 });
      const second = node.start('wait', null, { priority: 1 });
      await node.until(() => node.started.includes(first));
      await new Promise((resolve) => setTimeout(resolve, 20));
      t.notOk(node.started.includes(second));
      for (const each of [first, second]) {
        node.scheduler.stop(each, 'cancelled');
        await node.outcome(each);
      }
      for (const { call, command } of calls) {
        t.equal((command as SubmitCommand).task, 'echo');
        node.scheduler.answer(call, okReply('0'));
      }
      t.same(await node.outcome(run), done([0, 0, 0, 0, 0]));
    });
  });
}
