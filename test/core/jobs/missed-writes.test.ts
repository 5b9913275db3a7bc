import t from 'tap';
import type { NodeEffect } from '../../../src/core/effects.js';
import { defaultJobsConfig } from '../../../src/core/jobs/config.js';
import { Jobs } from '../../../src/core/jobs/jobs.js';
import type { JobsEvent } from '../../../src/core/jobs/jobs-contract.js';
import type { JournalStart } from '../../../src/core/jobs/keeping.js';
import { fullReach } from '../../../src/core/jobs/reach.js';
import type { JournalState, MemberRecord } from '../../../src/core/member.js';
import type { JobMessage } from '../../../src/core/messages.js';
import { Outbox } from '../../../src/core/outbox.js';
import { createRandom } from '../../../src/core/random.js';
import { nextTimeMs } from '../../../src/protocol/cron.js';
import { copyOf, specOf } from '../../protocol/copy-samples.js';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, nodeId } from '../../support/job-cores.js';

type JournalEffect = Extract<NodeEffect, { type: 'journal' }>;

/** A node that is alone until it meets another one, and its journal, which a test answers for. */
class NodeWithJournal {
  readonly writes: JournalEffect[] = [];
  readonly logs: string[] = [];
  readonly replies: string[] = [];
  readonly sent: JobMessage[] = [];
  private readonly members = new Map<string, MemberRecord>();
  private readonly outbox = new Outbox((to) => (this.members.has(to) ? 1 : null));
  private readonly jobs: Jobs;
  private requests = 0;
  private now = { monotonicMs: 1_000, wallMs: 1_700_000_000_000 };

  constructor(copies: JournalStart['copies'] = []) {
    const self = aliveMember('a', { journal: 'open' });
    this.members.set(self.id, self);
    this.jobs = new Jobs({
      self: self.id,
      instance: self.instance,
      config: defaultJobsConfig,
      journal: { copies, lineage: ['aaaaa'] },
      journalChanged: (journal: JournalState) => {
        this.members.set(self.id, { ...self, journal });
      },
      settled: () => {},
      random: createRandom(self.id),
      outbox: this.outbox,
      reach: fullReach,
      nextTimeMs,
      handleOther: () => false,
      members: {
        self: () => this.members.get(self.id) as MemberRecord,
        get: (node) => this.members.get(node),
        all: () => this.members.values(),
      },
    });
    this.jobs.start(this.now);
  }

  get journal(): JournalState | undefined {
    return this.members.get(nodeId('a'))?.journal;
  }

  step(event: JobsEvent): void {
    this.jobs.step(event, this.now);
    if (this.jobs.wantsFlush) this.jobs.step({ type: 'flush' }, this.now);
    for (const effect of this.outbox.take()) {
      if (effect.type === 'journal') this.writes.push(effect);
      else if (effect.type === 'log') this.logs.push(effect.text);
      else if (effect.type === 'send') this.sent.push(effect.message as JobMessage);
      else if (effect.type === 'reply') this.replies.push(effect.reply.ok ? 'ok' : effect.reply.code);
    }
  }

  submit(args = '1'): void {
    const command = submitCommand({ delayMs: 60_000, durable: true }, { args });
    this.step({ type: 'request', request: ++this.requests, command });
  }

  meet(name: string): void {
    const member = aliveMember(name, { journal: 'open' });
    this.members.set(member.id, member);
    this.step({ type: 'member_changed', member, previous: null });
    this.step({ type: 'contact_opened', node: member.id });
  }

  pass(ms: number): void {
    const { monotonicMs, wallMs } = this.now;
    this.now = { monotonicMs: monotonicMs + ms, wallMs: wallMs + ms };
    this.step({ type: 'tick', lateMs: 0 });
  }

  /** All that it has written until now is on disk. */
  sync(): void {
    this.step({ type: 'journal_written', seq: this.writes.at(-1)?.seq ?? 0 });
  }

  fail(): void {
    this.step({ type: 'journal_failed', code: 'ENOSPC', message: 'full' });
  }

  /** There is room again. */
  recover(): void {
    this.writes.length = 0;
    this.step({ type: 'journal_recovered' });
  }

  slotsWritten(): number[] {
    return this.writes.flatMap(({ writes }) => writes.map(({ slot }) => slot));
  }
}

/** With so many jobs, which are on its disk. */
function nodeWith(jobs: number): NodeWithJournal {
  const node = new NodeWithJournal();
  for (let count = 0; count < jobs; count++) node.submit();
  node.sync();
  return node;
}

t.test(
  'what a journal has missed is written in parts, and it counts as failed until all is on disk',
  async (t) => {
    const node = nodeWith(700);
    t.equal(node.replies.filter((reply) => reply === 'ok').length, 700);
    node.fail();
    t.equal(node.journal, 'failed');
    node.recover();
    t.equal(node.slotsWritten().length, 256, 'one part at a time');
    for (let parts = 0; parts < 3; parts++) {
      t.equal(node.journal, 'failed');
      node.submit();
      t.equal(node.replies.at(-1), 'STORE_FAILED');
      node.sync();
    }
    t.equal(node.journal, 'open');
    t.equal(new Set(node.slotsWritten()).size, 700);
    t.ok(node.writes.every(({ writes }) => writes.length <= 256));
    t.equal(node.logs.at(-1), 'the journal takes writes again');
    node.submit();
    node.sync();
    t.equal(node.replies.at(-1), 'ok');
  },
);

t.test('of large jobs fewer are written at a time', async (t) => {
  const node = new NodeWithJournal();
  for (let count = 0; count < 20; count++) node.submit(JSON.stringify('x'.repeat(300_000)));
  node.sync();
  node.fail();
  node.recover();
  t.equal(node.slotsWritten().length, 4);
  for (let parts = 0; parts < 5; parts++) node.sync();
  t.equal(new Set(node.slotsWritten()).size, 20);
});

t.test('a job that no disk has is written first', async (t) => {
  const node = nodeWith(700);
  node.submit();
  node.fail();
  t.equal(node.replies.at(-1), 'UNAVAILABLE');
  node.recover();
  t.equal(node.slotsWritten()[0], 701);
  for (let parts = 0; parts < 3; parts++) node.sync();
  t.equal(node.journal, 'open');
  t.equal(node.slotsWritten().length, 701, 'and once');
});

t.test(
  'a journal that fails again as it is written anew is not said to work, and is begun anew',
  async (t) => {
    const node = nodeWith(300);
    node.fail();
    node.recover();
    node.sync();
    node.fail();
    node.step({ type: 'journal_written', seq: 1_000_000 });
    t.equal(node.journal, 'failed');
    t.notOk(node.logs.includes('the journal takes writes again'));
    node.recover();
    node.sync();
    node.sync();
    t.equal(node.journal, 'open');
    t.equal(node.slotsWritten().length, 300);
    node.fail();
    const failures = node.logs.filter((text) => text.includes("can't be written"));
    t.equal(failures.length, 2, 'a failure after it has worked is another one');
    t.match(failures[1], /2 times since its start/);
  },
);

t.test('while a journal is written anew, its node goes on handing its jobs over', async (t) => {
  const node = nodeWith(600);
  node.fail();
  node.recover();
  node.meet('b');
  node.pass(1_000);
  t.equal(node.journal, 'failed');
  const handed = node.sent.flatMap((message) => (message.type === 'keep' ? message.entries : []));
  t.ok(handed.length > 0);
  t.ok(handed.every((entry) => entry.type === 'copy' && entry.copy.owner === nodeId('b')));
});

t.test('a copy that a journal has missed is not said to be kept before it is on disk', async (t) => {
  const node = nodeWith(300);
  node.meet('b');
  const copy = copyOf({
    spec: specOf({ id: `${nodeId('b')}-aaaaa-1` }),
    owner: nodeId('b'),
    holders: [nodeId('b'), nodeId('a')],
  });
  const answerToKeep = (seq: number): unknown => {
    node.sent.length = 0;
    const message = { type: 'keep', seq, entries: [{ type: 'copy', copy }] } as const;
    node.step({ type: 'message', from: nodeId('b'), message });
    return node.sent.find(({ type }) => type === 'kept');
  };
  t.equal(answerToKeep(1), undefined, 'it waits for the disk');
  node.fail();
  node.recover();
  t.match(answerToKeep(2), { refused: [{ index: 0, reason: 'failed' }] });
  t.ok(node.writes.length > 0);
  while (node.journal === 'failed') node.sync();
  t.equal(answerToKeep(3), undefined);
  node.sync();
  t.match(
    node.sent.find(({ type }) => type === 'kept'),
    { seq: 3, refused: [] },
  );
});

t.test('of two states of a job in a journal the earlier one is erased', async (t) => {
  const spec = specOf({ id: `${nodeId('a')}-aaaaa-1` });
  for (const changes of [
    [1, 2],
    [2, 1],
  ]) {
    const copies = changes.map((change, index) => ({ slot: index + 1, copy: copyOf({ spec, change }) }));
    const node = new NodeWithJournal(copies);
    node.pass(0);
    const erased = node.writes.flatMap(({ writes }) => writes.filter(({ copy }) => copy === null));
    t.same(erased, [{ slot: changes.indexOf(1) + 1, copy: null }]);
  }
});
