import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { bystanderAt, pingMs } from '../support/bystander.js';
import { type ClusterNode, request, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { testTasks } from '../support/hold-job.js';

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
