import t from 'tap';
import { defaultSubmitOptions, type SubmitCommand, type SubmitOptions } from '../../src/core/commands.js';
import { isFinished } from '../../src/core/jobs/record.js';
import { SimCluster, type SimClusterOptions } from '../../src/sim/sim-cluster.js';
import { SimJournalDisk } from '../../src/sim/sim-journal.js';

const hour = 3_600_000;

function submitOf(args: string, options: Partial<SubmitOptions> = {}): SubmitCommand {
  const all = { ...defaultSubmitOptions, ...options };
  return { type: 'submit', wait: false, task: 'echo', args, options: all };
}

/** Nodes with journals, whose disks outlive them. */
class Keepers {
  readonly cluster: SimCluster;
  readonly disks = new Map<string, SimJournalDisk>();

  constructor(names: string, options: SimClusterOptions) {
    this.cluster = new SimCluster(options);
    for (const name of names) this.start(name);
    this.cluster.runUntil('all know all', () => this.cluster.agree(), 5_000);
  }

  start(name: string): void {
    const disk = this.disks.get(name) ?? new SimJournalDisk();
    this.disks.set(name, disk);
    this.cluster.start(name, undefined, { disk });
  }

  /** Names of the live nodes that have the job, whatever it is to them. */
  holdersOf(job: string): string[] {
    return this.cluster
      .running()
      .filter(({ core: { jobs } }) => jobs.ledger.get(job) ?? jobs.keeping.copies.get(job))
      .map(({ name }) => name);
  }

  ownerOf(job: string): string | undefined {
    return this.cluster.running().find(({ core }) => core.jobs.ledger.get(job) !== undefined)?.name;
  }

  isDone(job: string): boolean {
    return this.cluster.running().some(({ core }) => {
      const record = core.jobs.ledger.get(job);
      return record !== undefined && isFinished(record.state);
    });
  }

  startsOf(args: string): number {
    return this.cluster.attempts.filter(({ start }) => start.args === args).length;
  }
}

const seeds = ['one', 'two', 'three'];

t.test('a job is acknowledged once as many nodes have it on disk as the answer says', async (t) => {
  for (const seed of seeds) {
    const keepers = new Keepers('abcd', { seed, runMs: [hour, hour] });
    const { cluster, disks } = keepers;
    for (const copies of [1, 2, 3, 4]) {
      const job = cluster.submit('b', submitOf(String(copies), { copies }));
      t.equal(keepers.holdersOf(job).length, copies, `${seed}: ${copies} nodes hold it`);
      t.equal([...disks.values()].filter((disk) => disk.holds(job)).length, copies, 'on disk');
    }
    const refused = cluster.request('b', submitOf('5', { copies: 5 }));
    t.match(refused.reply, { code: 'UNAVAILABLE', message: /nothing was taken/ });
  }
});

t.test(
  'when its owner dies, a job goes on at a node that holds it, and whoever waits hears its end',
  async (t) => {
    for (const seed of seeds) {
      const keepers = new Keepers('abcd', { seed, runMs: [4_000, 4_000] });
      const { cluster } = keepers;
      const job = cluster.submit('b', submitOf('7'));
      const wait = cluster.request('c', { type: 'wait', job, timeoutMs: null });
      cluster.runFor(500);
      cluster.node('b').kill();
      const tookMs = cluster.runUntil(
        'another node owns it',
        () => keepers.ownerOf(job) !== undefined,
        3_000,
      );
      t.comment(`${seed}: taken over after ${Math.round(tookMs)} ms`);
      cluster.runUntil('the end is told', () => wait.reply !== null, 15_000);
      t.same(wait.reply, { ok: true, text: '7' }, seed);
      cluster.runUntil('two nodes hold it again', () => keepers.holdersOf(job).length === 2, 10_000);
    }
  },
);

t.test('jobs go on when all nodes died and come back with their disks', async (t) => {
  for (const seed of seeds) {
    const keepers = new Keepers('abc', { seed, runMs: [1_000, 3_000] });
    const { cluster } = keepers;
    const jobs = [...'abcabc'].map((name, index) => cluster.submit(name, submitOf(String(index))));
    for (const name of 'abc') cluster.node(name).kill();
    for (const name of 'abc') keepers.start(name);
    cluster.runUntil('all are done', () => jobs.every((job) => keepers.isDone(job)), 30_000);
    for (const index of jobs.keys()) t.ok(keepers.startsOf(String(index)) >= 1, `${seed}: job ${index} ran`);
  }
});

t.test(
  'a job waits for one with a key whose holders come back long after its own, when all nodes had died',
  async (t) => {
    for (const seed of seeds) {
      const keepers = new Keepers('abc', { seed, runMs: [200, 200] });
      const { cluster } = keepers;
      const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
      const jobOf = (key: string): string => cluster.submit('a', submitOf(key, { key, delayMs: 3_000 }));
      const first = keys.map(jobOf).find((job) => !keepers.holdersOf(job).includes('a')) as string;
      const second = cluster.submit('a', submitOf('second', { after: [first] }));
      for (const name of 'abc') cluster.node(name).kill();
      keepers.start('a');
      cluster.runFor(40_000);
      t.notOk(keepers.isDone(second), `${seed}: it waits`);
      t.match(cluster.request('a', { type: 'status', job: first }).reply, { code: 'UNAVAILABLE' });
      for (const name of 'bc') keepers.start(name);
      cluster.runUntil('the second is done', () => keepers.isDone(second), 30_000);
      t.equal(keepers.startsOf('second'), 1, `${seed}: it ran`);
    }
  },
);

t.test(
  'a node that starts again knows its jobs from the first moment, before it has met others',
  async (t) => {
    for (const seed of seeds) {
      const keepers = new Keepers('abc', { seed, runMs: [200, 200] });
      const { cluster } = keepers;
      const job = cluster.submit('a', submitOf('1', { delayMs: 1_000 }));
      for (const name of 'abc') cluster.node(name).kill();
      keepers.start('a');
      const status = cluster.request('a', { type: 'status', job });
      cluster.runUntil('it is answered', () => status.reply !== null, 8_000);
      t.match(status.reply, { ok: true }, seed);
    }
  },
);

t.test('a holder that comes back keeps its copy where the new owner has found nobody else', async (t) => {
  for (const seed of seeds) {
    const keepers = new Keepers('ab', { seed, runMs: [hour, hour] });
    const { cluster, disks } = keepers;
    const job = cluster.submit('b', submitOf('1', { delayMs: hour, copies: 2 }));
    cluster.node('b').kill();
    cluster.runUntil('a goes on with it', () => keepers.ownerOf(job) === 'a', 20_000);
    cluster.runFor(1_000);
    keepers.start('b');
    for (let atMs = 0; atMs < 5_000 && disks.get('b')?.holds(job); atMs += 5) cluster.runFor(5);
    t.ok(disks.get('b')?.holds(job), `${seed}: it is on both disks at any time`);
    t.strictSame(keepers.holdersOf(job).sort(), ['a', 'b']);
  }
});

t.test('an owner that stood still learns that its job has another one, and the job ends once', async (t) => {
  for (const seed of seeds) {
    const keepers = new Keepers('abcd', { seed, runMs: [8_000, 8_000] });
    const { cluster } = keepers;
    const job = cluster.submit('b', submitOf('7'));
    const holder = keepers.holdersOf(job).find((name) => name !== 'b');
    cluster.runFor(500);
    cluster.node('b').pause();
    cluster.runUntil(
      'its holder owns it',
      () => cluster.node(String(holder)).core.jobs.ledger.get(job) !== undefined,
      15_000,
    );
    cluster.node('b').resume();
    cluster.runUntil('it is over', () => keepers.isDone(job), 30_000);
    cluster.runFor(5_000);
    const owners = cluster.running().filter(({ core }) => core.jobs.ledger.get(job) !== undefined);
    t.equal(owners.length, 1, `${seed}: one owner, ${owners.map(({ name }) => name).join(' ')}`);
    t.not(owners[0]?.name, 'b');
  }
});

t.test('a node that leaves hands over what it owns, and what it holds is held elsewhere', async (t) => {
  for (const seed of seeds) {
    const keepers = new Keepers('abcd', { seed, runMs: [1_000, 1_000] });
    const { cluster } = keepers;
    const jobs = Array.from({ length: 50 }, (_, index) =>
      cluster.submit('abcd'[index % 4] as string, submitOf(String(index), { delayMs: hour })),
    );
    cluster.request('b', { type: 'leave' });
    cluster.runUntil('b is gone', () => cluster.node('b').status === 'dead', 10_000);
    t.ok(
      jobs.every((job) => keepers.ownerOf(job) !== undefined),
      `${seed}: each has an owner`,
    );
    const isHeld = (job: string): boolean => keepers.holdersOf(job).length === 2;
    cluster.runUntil('each is held twice', () => jobs.every(isHeld), 10_000);
  }
});

t.test(
  'ten thousand jobs of a node that dies are held twice again within ten seconds, in no storm',
  async (t) => {
    const keepers = new Keepers('abcd', { seed: 'many', skipsTrace: true, runMs: [1_000, 1_000] });
    const { cluster } = keepers;
    const requests = Array.from({ length: 10_000 }, (_, index) =>
      cluster.request('a', submitOf(String(index), { delayMs: hour })),
    );
    cluster.runUntil('all are kept', () => requests.every(({ reply }) => reply?.ok === true), 20_000);
    const held = cluster.node('b').core.jobs.keeping.copies.size;
    t.ok(held > 2_000, `b holds ${held}`);
    cluster.node('b').kill();
    const { core } = cluster.node('a');
    const isWhole = (): boolean =>
      [...core.jobs.ledger.values()].every(
        ({ holders, missing }) => missing === 0 && holders.length === 2 && !holders.includes('b00000000000'),
      );
    let backlogMax = 0;
    const tookMs = cluster.runUntil(
      'all are held twice',
      () => {
        backlogMax = Math.max(backlogMax, core.jobs.keeping.replicator.backlog);
        return isWhole();
      },
      10_000,
    );
    t.comment(`after ${Math.round(tookMs)} ms, with at most ${backlogMax} changes on their way`);
    t.ok(backlogMax < 4_000, `${backlogMax} at once`);
  },
);

t.test(
  'a node whose disk is full refuses durable jobs, hands its own on, and takes jobs again when there is room',
  async (t) => {
    for (const seed of seeds) {
      const keepers = new Keepers('abc', { seed, runMs: [1_000, 1_000] });
      const { cluster, disks } = keepers;
      const job = cluster.submit('b', submitOf('1', { delayMs: hour }));
      (disks.get('b') as SimJournalDisk).trouble = 'ENOSPC';
      cluster.request('b', submitOf('2', { delayMs: hour }));
      cluster.runUntil('b knows', () => cluster.node('b').core.self().journal === 'failed', 5_000);
      const refused = cluster.request('b', submitOf('3'));
      t.match(refused.reply, { code: 'STORE_FAILED' }, seed);
      t.match(cluster.request('b', submitOf('4', { durable: false, copies: 1 })).reply, { ok: true });
      cluster.runUntil('another node owns its job', () => keepers.ownerOf(job) !== 'b', 5_000);
      (disks.get('b') as SimJournalDisk).trouble = null;
      cluster.runUntil('b has recovered', () => cluster.node('b').core.self().journal === 'open', 5_000);
      cluster.submit('b', submitOf('5'));
    }
  },
);

/** Jobs of node `a` that two nodes have, and node `d` can't reach `c`. */
function handingOver(
  seed: string,
  options: Partial<SubmitOptions> = {},
): { keepers: Keepers; jobs: string[] } {
  const keepers = new Keepers('abcd', { seed, runMs: [1_000, 1_000] });
  const { cluster } = keepers;
  const jobs = Array.from({ length: 60 }, (_, index) =>
    cluster.submit('a', submitOf(String(index), { delayMs: hour, ...options })),
  );
  cluster.network.cut('c', 'd');
  cluster.network.cut('d', 'c');
  return { keepers, jobs };
}

for (const [what, begin] of [
  ['drains', ({ cluster }) => cluster.request('a', { type: 'drain', node: null })],
  ['leaves', ({ cluster }) => cluster.request('a', { type: 'leave' })],
  [
    'has a full disk',
    ({ cluster, disks }) => {
      (disks.get('a') as SimJournalDisk).trouble = 'ENOSPC';
      cluster.request('a', submitOf('full'));
    },
  ],
] as const satisfies readonly (readonly [string, (keepers: Keepers) => unknown])[])
  t.test(`a node that ${what} keeps what it hands over until another one holds it, too`, async (t) => {
    for (const seed of seeds)
      for (const afterMs of [20, 60, 150, 400, 1_000]) {
        const { keepers, jobs } = handingOver(seed);
        const { cluster } = keepers;
        begin(keepers);
        cluster.runFor(afterMs);
        const alone = jobs.filter((job) => keepers.holdersOf(job).length < 2);
        t.equal(alone.length, 0, `${seed}: ${alone.length} are on one node after ${afterMs} ms`);
        cluster.node('d').kill();
        cluster.network.heal();
        cluster.runFor(20_000);
        const lost = jobs.filter((job) => keepers.ownerOf(job) === undefined);
        t.equal(lost.length, 0, `${seed}: ${lost.length} are lost when d is killed after ${afterMs} ms`);
      }
  });

t.test(
  'a node that leaves goes on holding jobs of others until these have them held elsewhere',
  async (t) => {
    for (const seed of seeds) {
      const keepers = new Keepers('abcd', { seed, runMs: [1_000, 1_000] });
      const { cluster } = keepers;
      const jobs = Array.from({ length: 60 }, (_, index) =>
        cluster.submit('d', submitOf(String(index), { delayMs: hour })),
      );
      cluster.request('a', { type: 'leave' });
      cluster.runUntil('a is gone', () => cluster.node('a').status === 'dead', 5_000);
      cluster.node('d').kill();
      cluster.runFor(20_000);
      const lost = jobs.filter((job) => keepers.ownerOf(job) === undefined);
      t.equal(lost.length, 0, `${seed}: ${lost.length} are lost`);
    }
  },
);

t.test('what a node has handed over it forgets once others hold it, and leaves then', async (t) => {
  for (const seed of seeds) {
    const { keepers, jobs } = handingOver(seed);
    const { cluster, disks } = keepers;
    cluster.network.heal();
    cluster.request('a', { type: 'drain', node: null });
    const { copies } = cluster.node('a').core.jobs.keeping;
    cluster.runUntil('a has none of them', () => jobs.every((job) => copies.get(job) === undefined), 5_000);
    cluster.runFor(100);
    t.ok((disks.get('a') as SimJournalDisk).isEmpty, `${seed}: nor on its disk`);
    t.ok(jobs.every((job) => keepers.holdersOf(job).length === 2));
    cluster.request('a', { type: 'leave' });
    const tookMs = cluster.runUntil('a is gone', () => cluster.node('a').status === 'dead', 5_000);
    t.ok(tookMs < 1_000, `${seed}: it left within ${Math.round(tookMs)} ms`);
  }
});

t.test(
  'of two nodes, one that drains holds what it handed over, and one that leaves goes soon',
  async (t) => {
    for (const seed of seeds) {
      const keepers = new Keepers('ab', { seed, runMs: [1_000, 1_000] });
      const { cluster } = keepers;
      const jobs = Array.from({ length: 20 }, (_, index) =>
        cluster.submit('a', submitOf(String(index), { delayMs: hour })),
      );
      cluster.request('a', { type: 'drain', node: null });
      cluster.runFor(3_000);
      t.ok(jobs.every((job) => keepers.ownerOf(job) === 'b'));
      t.ok(
        jobs.every((job) => keepers.holdersOf(job).length === 2),
        `${seed}: two nodes have each`,
      );
      cluster.request('a', { type: 'leave' });
      const tookMs = cluster.runUntil('a is gone', () => cluster.node('a').status === 'dead', 5_000);
      t.ok(tookMs < 1_000, `${seed}: it left within ${Math.round(tookMs)} ms`);
      cluster.runFor(1_000);
      t.ok(jobs.every((job) => keepers.ownerOf(job) === 'b'));
    }
  },
);

t.test('a node whose disk is broken hands on all its durable jobs, however many', async (t) => {
  const keepers = new Keepers('abc', { seed: 'broken', skipsTrace: true, runMs: [1_000, 1_000] });
  const { cluster, disks } = keepers;
  const requests = Array.from({ length: 12_000 }, (_, index) =>
    cluster.request('a', submitOf(String(index), { delayMs: hour })),
  );
  cluster.runUntil('all are kept', () => requests.every(({ reply }) => reply?.ok === true), 20_000);
  (disks.get('a') as SimJournalDisk).trouble = 'EIO';
  cluster.request('a', submitOf('broken'));
  const { ledger } = cluster.node('a').core.jobs;
  cluster.runUntil('a owns none of them', () => ledger.unfinished === 0, 10_000);
  t.equal(cluster.node('a').core.self().journal, 'failed');
});

t.test('a node whose disk broke while it was alone hands its jobs on to the first that comes', async (t) => {
  for (const seed of seeds) {
    const keepers = new Keepers('a', { seed, runMs: [1_000, 1_000] });
    const { cluster, disks } = keepers;
    const job = cluster.submit('a', submitOf('1', { delayMs: hour }));
    (disks.get('a') as SimJournalDisk).trouble = 'EIO';
    cluster.request('a', submitOf('2'));
    cluster.runFor(3_000);
    t.equal(keepers.ownerOf(job), 'a');
    keepers.start('b');
    cluster.runUntil('b owns it', () => keepers.ownerOf(job) === 'b', 10_000);
  }
});

t.test('a node whose disk is broken hands on what it takes over from a node that dies', async () => {
  for (const seed of seeds) {
    const keepers = new Keepers('ab', { seed, runMs: [1_000, 1_000] });
    const { cluster, disks } = keepers;
    const job = cluster.submit('b', submitOf('1', { delayMs: hour }));
    (disks.get('a') as SimJournalDisk).trouble = 'EIO';
    cluster.request('a', submitOf('2'));
    cluster.runFor(3_000);
    cluster.node('b').kill();
    cluster.runUntil('a owns it', () => keepers.ownerOf(job) === 'a', 10_000);
    keepers.start('c');
    cluster.runUntil('c owns it', () => keepers.ownerOf(job) === 'c', 10_000);
  }
});
