import t from 'tap';
import type { JobMessage } from '../../../src/core/messages.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const members = ['a', 'b'].map((name) => aliveMember(name));

/** What a node answers when the other one lists its jobs as this text. */
function listedWhenOtherSays(text: string): unknown {
  const cores = new JobCores({ members });
  cores.submit('a', { node: 'a' });
  cores.loseAll('b', 'a', 'answer');
  const request = cores.request('a', { type: 'jobs', state: null, task: null, limit: 2 });
  // A node's first ask has the number 1.
  const answer: JobMessage = { type: 'answer', seq: 1, reply: { ok: true, text } };
  cores.step('a', { type: 'message', from: nodeId('b'), message: answer });
  const reply = cores.replies.get(request);
  return reply?.ok === true ? JSON.parse(reply.text) : reply;
}

t.test('a list of jobs that is none counts as empty, and an overlong one is cut', async (t) => {
  for (const text of ['', 'not JSON', 'null', '{"length":3}', '[null,1,"x",[],{},{"id":1,"createdAt":2}]']) {
    t.match(listedWhenOtherSays(text), [{ owner: 'a' }], text);
    t.match(listedWhenOtherSays(text), { length: 1 }, text);
  }
  const row = { id: 'x', createdAt: '9999' };
  t.match(listedWhenOtherSays(JSON.stringify(Array(500_000).fill(row))), [row, row]);
});

t.test('of a peer that never was a member nothing is kept when its link is gone', async (t) => {
  const cores = new JobCores({ members });
  for (let count = 0; count < 100; count++) {
    const node = nodeId(`x${count}`);
    const key = { job: `${node}-aaaaa-1`, epoch: 1, attempt: 1 };
    cores.step('a', { type: 'contact_opened', node });
    const run = { type: 'run', key, task: 'echo', args: '1', priority: 0, timeoutMs: 1_000, isolate: false };
    cores.step('a', { type: 'message', from: node, message: run as JobMessage });
    cores.step('a', { type: 'contact_lost', node });
  }
  t.equal(cores.stopped.length, 100, 'what it had run is stopped, as nobody waits for it');
  t.equal(cores.core('a').executor.ownerCount, 2, 'the members are left');
});
