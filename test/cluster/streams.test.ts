import { fileURLToPath } from 'node:url';
import t from 'tap';
import { residentBytes } from '../support/bystander.js';
import { type ClusterNode, request, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { connectLines, type LineConnection } from '../support/line-connection.js';
import { untilStill } from '../support/wait-until.js';

const tasks = fileURLToPath(new URL('../../../test/fixtures/tasks/cluster', import.meta.url));

t.setTimeout(120_000);

interface State {
  readonly id: string;
  readonly state: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly owner: string;
  readonly executor: string | null;
}

/** What one request was told, as it comes. */
class Following {
  readonly states: State[] = [];
  /** Pages by the run that they are of, `epoch.attempt`. */
  readonly pages = new Map<string, number[]>();
  missed = 0;
  end: string | null = null;

  private constructor(readonly connection: LineConnection) {}

  static async begin(node: ClusterNode, line: string): Promise<Following> {
    const following = new Following(await connectLines(node.client));
    following.connection.send(line);
    void following.read();
    return following;
  }

  get last(): State | undefined {
    return this.states.at(-1);
  }

  get pageCount(): number {
    return [...this.pages.values()].reduce((sum, pages) => sum + pages.length, 0);
  }

  async ended(): Promise<string> {
    return waitUntil('it is answered', () => this.end, { timeoutMs: 30_000 });
  }

  private async read(): Promise<void> {
    while (this.end === null) {
      const line = await this.connection.next(60_000).catch((error: Error) => `closed: ${error.message}`);
      const [, kind, rest] = /^\* (\w+) (.*)$/.exec(line) ?? [];
      if (kind === undefined || rest === undefined) this.end = line;
      else this.take(kind, JSON.parse(rest) as unknown);
    }
  }

  private take(kind: string, value: unknown): void {
    if (kind === 'state') this.states.push(value as State);
    else if (kind === 'missed') this.missed += (value as { chunks: number }).chunks;
    else if (kind === 'data') {
      const run = `${this.last?.epoch}.${this.last?.attempt}`;
      const pages = this.pages.get(run) ?? [];
      pages.push((value as { page: number }).page);
      this.pages.set(run, pages);
    }
  }
}

/** From the first on, each one, in order. */
function isGapless(pages: readonly number[], from = 1): boolean {
  return pages.every((page, index) => page === from + index);
}

/** Of which a and b offer the tasks. */
async function threeNodes(t: Parameters<typeof clusterFor>[0]): Promise<ClusterNode[]> {
  const args = (index: number): string[] => (index < 2 ? ['--tasks', tasks] : []);
  const { nodes } = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'], args });
  return nodes;
}

t.test('when the node that runs a stream is killed, it begins anew elsewhere, and says so', async (t) => {
  const [a, b, c] = (await threeNodes(t)) as [ClusterNode, ClusterNode, ClusterNode];
  const told = await Following.begin(c, 'RUN pages stream=yes {"count":300,"ms":10}');
  await waitUntil('pages come', () => (told.pageCount > 20 ? true : null));
  const killed = [a, b].find(({ name }) => name === told.last?.executor);
  t.ok(killed, 'it runs on a or b, which offer the task');
  killed?.kill('SIGKILL');
  t.equal(await told.ended(), 'OK {"pages":300}');
  const attempts = [...told.pages.keys()];
  t.ok(attempts.length === 2, `pages of ${attempts.join(' and ')}`);
  for (const [run, pages] of told.pages) t.ok(isGapless(pages), `the pages of ${run} are in order`);
  t.equal(told.pages.get(attempts[1] ?? '')?.length, 300);
});

t.test(
  'when the node that owns a stream is killed, who follows it elsewhere is told of the next owner',
  async (t) => {
    const [a, b, c] = (await threeNodes(t)) as [ClusterNode, ClusterNode, ClusterNode];
    const id = (await request(a, 'SUBMIT pages node=b {"count":300,"ms":10}')).split(' ')[1];
    const following = await Following.begin(c, `WATCH ${id}`);
    await waitUntil('pages come', () => (following.pageCount > 20 ? true : null));
    t.equal(following.last?.owner, 'a');
    t.equal(following.last?.executor, 'b');
    a.kill('SIGKILL');
    t.equal(await following.ended(), 'OK {"pages":300}');
    const owners = new Set(following.states.map(({ owner }) => owner));
    t.ok(owners.has('a') && owners.size === 2, [...owners].join(' and '));
    for (const [run, pages] of following.pages)
      t.ok(isGapless(pages, pages[0]), `the pages of ${run} are in order`);
    t.equal([...following.pages.values()].at(-1)?.at(-1), 300);
    t.equal(b.name, 'b');
  },
);

t.test(
  'a client that is killed in the middle leaves the job running, and another follows it from what is kept',
  async (t) => {
    const [a, b] = (await threeNodes(t)) as [ClusterNode, ClusterNode, ClusterNode];
    const first = await Following.begin(a, 'RUN pages stream=yes {"count":300,"ms":10}');
    await waitUntil('pages come', () => (first.pageCount > 20 ? true : null));
    first.connection.socket.resetAndDestroy();
    const second = await Following.begin(b, `WATCH ${first.last?.id}`);
    t.equal(await second.ended(), 'OK {"pages":300}');
    t.equal(second.missed, 0, 'so little is kept whole');
    t.strictSame([...second.pages.values()], [Array.from({ length: 300 }, (_, index) => index + 1)]);
  },
);

t.test('a client that reads nothing holds the task up, and takes no memory of any node', async (t) => {
  const [a, b] = (await threeNodes(t)) as [ClusterNode, ClusterNode, ClusterNode];
  const stopped = await connectLines(a.client);
  stopped.socket.pause();
  const before = [residentBytes(a), residentBytes(b)];
  stopped.send('RUN pages stream=yes node=b {"bytes":65536,"shows":true}');
  const [job] = await waitUntil('it runs', async () => {
    const jobs = await requestJson<{ id: string; state: string }[]>(a, 'JOBS task=pages');
    return jobs[0]?.state === 'running' ? jobs : null;
  });
  const id = job?.id;
  const pages = await untilStill('the task', async () => {
    const { progress } = await requestJson<{ progress: number | null }>(a, `STATUS ${id}`);
    return progress;
  });
  t.ok(pages !== null && pages * 65_536 < 16 * 1024 * 1024, `it waits at page ${pages}`);
  const after = [residentBytes(a), residentBytes(b)];
  for (const [index, bytes] of after.entries())
    t.ok(bytes < (before[index] ?? 0) + 64 * 1024 * 1024, `${before[index]} bytes became ${bytes}`);
  t.match(await requestJson(a, `STATUS ${id}`), { state: 'running' });
  stopped.socket.resetAndDestroy();
  t.equal(await request(a, `CANCEL ${id}`), 'OK', 'who goes away holds up nothing');
});

t.test('what a task yielded before it fails is told before its failure', async (t) => {
  const [a] = (await threeNodes(t)) as [ClusterNode, ClusterNode, ClusterNode];
  const line = 'RUN pages stream=yes retries=1 backoff=100ms {"count":3,"end":"throws"}';
  const following = await Following.begin(a, line);
  t.match(await following.ended(), /^ERR JOB_FAILED .*out of pages.*"attempts":2/);
  t.strictSame(
    [...following.pages.values()],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  );
  t.strictSame(
    following.states.map(({ state, attempt }) => `${state} ${attempt}`),
    ['running 1', 'delayed 1', 'running 2', 'failed 2'],
  );
});
