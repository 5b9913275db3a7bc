import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { bystanderAt, pingMs } from '../support/bystander.js';
import { type ClusterNode, request, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { testTasks } from '../support/hold-job.js';
import { connectLines } from '../support/line-connection.js';

const hostileTasks = fileURLToPath(new URL('../../../test/support/tasks-hostile', import.meta.url));
const threadMemory = ['--thread-memory', '32MiB'];

async function startOne(
  t: Test,
  args: readonly string[] = [],
): Promise<ClusterNode & { untilUnharmed(): Promise<void> }> {
  const cluster = await clusterFor(t, {
    nodes: 1,
    args: [
      '--tasks',
      testTasks,
      '--tasks',
      hostileTasks,
      '--threads',
      '2',
      '--abort-grace',
      '100ms',
      ...args,
    ],
  });
  const node = cluster.nodes[0] as ClusterNode;
  const bystander = await bystanderAt(cluster, node, { growthBytesMax: 400 * 1024 * 1024 });
  return { ...node, untilUnharmed: () => bystander.isUnharmed(t) };
}

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly attempts: number;
}

function failureIn(reply: string): Failure {
  const [, text] = /^ERR JOB_FAILED (.*)$/.exec(reply) ?? [];
  if (text === undefined) throw new Error(`no failed job: ${reply}`);
  return JSON.parse(text) as Failure;
}

/** Runs to its end whatever `work` is, and asserts that the node answered others all the while. */
async function answeringMeanwhile<Answer>(
  t: Test,
  node: ClusterNode,
  work: Promise<Answer>,
): Promise<Answer> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  let slowestMs = 0;
  await waitUntil(
    'the work has ended',
    async () => {
      slowestMs = Math.max(slowestMs, await pingMs(node));
      return isOver;
    },
    { timeoutMs: 20_000, everyMs: 20 },
  );
  t.ok(slowestMs < 1_000, `the slowest PING meanwhile took ${Math.round(slowestMs)} ms`);
  return over;
}

t.test('whatever a handler throws or returns, its job ends with a clear answer', async (t) => {
  const node = await startOne(t);
  const bad: readonly (readonly [way: string, reply: RegExp])[] = [
    ['string', /^ERR JOB_FAILED .*just text/],
    ['undefined', /^ERR JOB_FAILED .*undefined/],
    ['function', /^ERR JOB_FAILED .*function/],
    ['bigint', /^ERR JOB_FAILED .*BigInt/i],
    ['cycle', /^ERR JOB_FAILED .*circular/],
    ['megabytes', /^ERR JOB_FAILED .*16777216/],
    ['late', /^OK "ended"$/],
  ];
  for (const [way, reply] of bad) {
    t.match(await answeringMeanwhile(t, node, request(node, `RUN hostile "${way}"`)), reply, way);
  }
  await node.untilUnharmed();
});

t.test(
  'a handler that takes its thread down is tried again alone, and then failed with the cause',
  async (t) => {
    const node = await startOne(t, threadMemory);
    const deadly: readonly (readonly [way: string, cause: RegExp])[] = [
      ['exit', /exit/i],
      ['memory', /memory/i],
      ['unhandled', /nobody listens/],
    ];
    for (const [way, cause] of deadly) {
      const failure = failureIn(await answeringMeanwhile(t, node, request(node, `RUN hostile "${way}"`)));
      t.match(`${failure.name} ${failure.message}`, cause, way);
    }
    t.equal(await request(node, 'RUN echo "a thread is there again"'), 'OK "a thread is there again"');
  },
);

t.test('a handler that never lets go is stopped by its time-out, and by a cancel', async (t) => {
  const node = await startOne(t);
  const timedOut = failureIn(
    await answeringMeanwhile(t, node, request(node, 'RUN hostile timeout=300ms "busy"')),
  );
  t.match(timedOut, { name: 'TimeoutError', attempts: 1 });
  const id = (await request(node, 'SUBMIT hostile "busy"')).split(' ')[1] as string;
  await waitUntil('it is busy', async () => {
    const { progress } = await requestJson<{ progress: unknown }>(node, `STATUS ${id}`);
    return progress === 'busy';
  });
  t.equal(await answeringMeanwhile(t, node, request(node, `CANCEL ${id}`)), 'OK');
  t.match(await request(node, `WAIT ${id}`), /^ERR JOB_CANCELLED /);
  t.equal(await request(node, 'RUN echo 1'), 'OK 1');
});

t.test('what a generator does wrong ends its job with a clear answer', async (t) => {
  const node = await startOne(t);
  const line = await connectLines(node.client);
  t.teardown(() => line.close());
  const answerTo = async (request: string): Promise<string[]> => {
    line.send(request);
    const told: string[] = [];
    for (let said = await line.next(); ; said = await line.next()) {
      told.push(said);
      if (!said.startsWith('* ')) return told;
    }
  };
  const huge = await answerTo('RUN hostile stream=yes retries=3 "hugeChunk"');
  t.ok(huge.includes('* data "first"'));
  t.match(failureIn(huge.at(-1) ?? ''), { name: 'BadResult', message: /16777217 bytes/, attempts: 1 });
  const late = await answerTo('RUN hostile stream=yes "lateStream"');
  t.equal(late.at(-1), 'OK "ended"');
  t.notOk(late.some((said) => said.includes('after the end')));
  const next = await answerTo('RUN echo stream=yes 1');
  t.notOk(
    next.some((said) => /progress|after/.test(said)),
    'nor is the next job told of it',
  );
  t.equal(next.at(-1), 'OK 1');
  await node.untilUnharmed();
});

t.test('a generator without an end goes on when its client goes, and can be cancelled', async (t) => {
  const node = await startOne(t);
  const line = await connectLines(node.client);
  line.send('RUN hostile stream=yes "endlessStream"');
  const { id } = JSON.parse((await line.next()).slice('* state '.length)) as { id: string };
  line.socket.resetAndDestroy();
  const shown = async (): Promise<number> =>
    (await requestJson<{ progress: number }>(node, `STATUS ${id}`)).progress;
  const before = await shown();
  await waitUntil('it goes on', async () => (await shown()) > before + 20_000, { timeoutMs: 60_000 });
  t.match(await requestJson(node, `STATUS ${id}`), { state: 'running', attempts: 1 });
  t.equal(await request(node, `CANCEL ${id}`), 'OK');
  t.match(await request(node, `WAIT ${id}`), /^ERR JOB_CANCELLED /);
  await node.untilUnharmed();
});
