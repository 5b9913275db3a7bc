import t from 'tap';
import { connect } from '../../src/client/client.js';
import { type Script, startScriptedServer } from '../support/scripted-server.js';

interface Job {
  state: string;
  attempts: number;
  finishedAt: string | null;
}

/** Two nodes that know a failed job. The first one's answer to RETRY is lost, after `atFirst` was done to the job. */
async function retryAtDyingNode(
  job: Job,
  atFirst: (job: Job) => void,
): Promise<{ reply: unknown; lines: string[] }> {
  const answer = (verb: string): string => {
    if (verb === 'STATUS') return `OK ${JSON.stringify(job)}`;
    if (job.state !== 'failed' && job.state !== 'cancelled') return `ERR WRONG_STATE it is ${job.state}`;
    job.state = 'queued';
    return 'OK';
  };
  const dying: Script = ({ verb, socket }) => {
    if (verb !== 'RETRY') return answer(verb);
    atFirst(job);
    socket.destroy();
    return null;
  };
  const first = await startScriptedServer(dying);
  const second = await startScriptedServer(({ verb }) => answer(verb));
  const client = await connect({ nodes: [first.address, second.address] });
  const reply = await client.request({ verb: 'RETRY', operands: ['x'] }).catch((error) => error);
  client.close();
  await first.close();
  await second.close();
  return { reply, lines: second.lines };
}

const failed = (): Job => ({ state: 'failed', attempts: 2, finishedAt: '2030-01-01T00:00:00Z' });
const done = { ok: true, text: '' };

t.test('a RETRY that was heard is not sent again', async (t) => {
  for (const state of ['queued', 'delayed', 'running', 'done']) {
    const { reply, lines } = await retryAtDyingNode(failed(), (job) => Object.assign(job, { state }));
    t.strictSame(reply, done, state);
    t.strictSame(lines, ['STATUS x'], 'another node is asked what became of the job');
  }
});

t.test('nor is one whose job has run, and failed again, meanwhile', async (t) => {
  const ranAgain = (job: Job): void => {
    job.attempts = 3;
    job.finishedAt = '2030-01-01T00:00:09Z';
  };
  const { reply, lines } = await retryAtDyingNode(failed(), ranAgain);
  t.strictSame(reply, done);
  t.strictSame(lines, ['STATUS x']);
});

t.test('a RETRY that was not heard is sent again', async (t) => {
  for (const state of ['failed', 'cancelled']) {
    const { reply, lines } = await retryAtDyingNode({ ...failed(), state }, () => {});
    t.strictSame(reply, done);
    t.strictSame(lines, ['STATUS x', 'RETRY x']);
  }
});

t.test('where nobody can say what became of a RETRY, it is unknown', async (t) => {
  const { reply } = await retryAtDyingNode({ ...failed(), state: 'running' }, () => {});
  t.match(reply, { code: 'UNAVAILABLE', message: /may or may not have happened/ });
});

t.test('what a node answers to RETRY is the answer', async (t) => {
  for (const [status, refusal, code] of [
    ['ERR NOT_FOUND no', 'ERR NOT_FOUND no', 'NOT_FOUND'],
    [`OK ${JSON.stringify({ ...failed(), state: 'done' })}`, 'ERR WRONG_STATE it is done', 'WRONG_STATE'],
    [`OK ${JSON.stringify(failed())}`, 'ERR DRAINING no', 'DRAINING'],
  ] as const) {
    const server = await startScriptedServer(({ verb }) => (verb === 'STATUS' ? status : refusal));
    const client = await connect({ nodes: [server.address] });
    t.match(await client.request({ verb: 'RETRY', operands: ['x'] }), { ok: false, code });
    client.close();
    await server.close();
  }
});
