import t from 'tap';
import type { JobMessage } from '../../../src/core/messages.js';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const members = ['a', 'b'].map((name) => aliveMember(name));

t.test('of a peer that never was a member nothing is kept when its link is gone', async (t) => {
  const cores = new JobCores({ members });
  for (let count = 0; count < 100; count++) {
    const node = nodeId(`x${100 + count}`);
    const key = { job: `${node}-aaaaa-1`, epoch: 1, attempt: 1 };
    cores.step('a', { type: 'contact_opened', node });
    const run = {
      type: 'run',
      key,
      task: 'echo',
      args: '1',
      priority: 0,
      timeoutMs: 1_000,
      isolate: false,
      session: 99,
    };
    cores.step('a', { type: 'message', from: node, message: run as JobMessage });
    cores.step('a', { type: 'contact_lost', node, reason: 'reset' });
  }
  t.equal(cores.stopped.length, 100, 'what it had run is stopped, as nobody waits for it');
  t.equal(cores.core('a').executor.ownerCount, 2, 'the members are left');
});

const megabyte = 'x'.repeat(1024 * 1024);

t.test('attempts beyond the room that was granted are refused once they fill their memory', async (t) => {
  const cores = new JobCores({ members });
  for (let number = 0; number < 300; number++) {
    const key = { job: `${nodeId('b')}-aaaaa-${number}`, epoch: 1, attempt: 1 };
    const message: JobMessage = {
      type: 'run',
      key,
      task: 'echo',
      args: megabyte,
      priority: 0,
      timeoutMs: 1_000,
      isolate: false,
      session: 99,
    };
    cores.step('a', { type: 'message', from: nodeId('b'), message });
  }
  t.equal(cores.started.length, 256);
  t.equal(cores.sent.filter((sent) => sent === 'a>b refuse').length, 44);
  for (const entry of cores.started.splice(0)) cores.end(entry);
  t.ok(
    cores.core('a').executor.isEmpty() || cores.core('a').executor.heldCount === 0,
    'and it is given back',
  );
});

t.test('requests that another node keeps open are bounded in number', async (t) => {
  const cores = new JobCores({ members });
  const job = cores.submit('a');
  for (let seq = 1; seq <= 100_100; seq++) {
    const message: JobMessage = { type: 'ask', seq, command: { type: 'wait', job, timeoutMs: null } };
    cores.core('a').step({ type: 'message', from: nodeId('b'), message }, cores.now);
  }
  cores.step('a', { type: 'tick', lateMs: 0 });
  t.equal(cores.sent.filter((sent) => sent === 'a>b answer').length, 100);
});

t.test('arguments that wait for another node are bounded in bytes, and that is said', async (t) => {
  const cores = new JobCores({ members });
  cores.loseAll('a', 'b', 'ask');
  const requests = Array.from({ length: 600 }, (_, number) =>
    cores.request('a', submitCommand({ key: `k${number}` }, { args: megabyte })),
  );
  const busy = requests.filter((request) => {
    const reply = cores.replies.get(request);
    return reply?.ok === false && reply.code === 'BUSY';
  });
  t.ok(busy.length >= 60 && busy.length <= 120, `${busy.length} of 600`);
  cores.pass(25_000);
  t.ok(
    requests.every((request) => cores.replies.has(request)),
    'and none is left waiting',
  );
  cores.loseAll('a', 'b', null);
  t.ok(cores.submit('a', { key: 'later' }, { args: megabyte }), 'then there is room again');
});
