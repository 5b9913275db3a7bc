import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { TestScheduler } from './harness.js';

t.test('closing displaces what runs and what waits, and later starts', async (t) => {
  for (const threads of [0, 1]) {
    const node = new TestScheduler({ threads, concurrency: 1 });
    await node.scheduler.load();
    const running = node.start('wait');
    const queued = node.start('wait');
    await node.begun(running);
    await node.scheduler.close();
    for (const run of [running, queued, node.start('echo')]) {
      t.same(await node.outcome(run), { type: 'displaced' });
    }
    t.same(node.scheduler.stats(), { threads: 0, running: 0, queued: 0, threadsEnded: 0 });
    await node.scheduler.close();
  }
});

t.test('a thousand attempts of every kind of end leave threads and counts where they were', async (t) => {
  const node = new TestScheduler({ threads: 2, concurrency: 50 });
  await node.scheduler.load();
  const runs: number[] = [];
  for (let index = 0; index < 1_000; index++) {
    const task = index % 3 === 0 ? 'echo' : index % 3 === 1 ? 'throws' : 'wait';
    runs.push(node.start(task, task === 'throws' ? 'error' : 'return'));
    if (task === 'wait') node.scheduler.stop(runs.at(-1) as number, 'cancelled');
  }
  for (const run of runs) await node.outcome(run);
  t.match(node.scheduler.stats(), { running: 0, queued: 0, threadsEnded: 0 });
  t.ok(node.scheduler.stats().threads <= 2);
  await node.scheduler.close();
});

t.test(
  'a program ends by itself once its scheduler is closed, with nothing on standard output',
  async (t) => {
    const program = `
    import { TestScheduler } from ${JSON.stringify(new URL('./harness.js', import.meta.url).href)};
    const node = new TestScheduler({ threads: 2, commands: [{ name: 'cat', command: ['cat'] }], abortGraceMs: 60_000 });
    await node.scheduler.load();
    const waiting = node.start('wait');
    await node.begun(waiting);
    for (const task of ['echo', 'output', 'cat']) await node.run(task, 1);
    node.scheduler.stop(node.start('wait', 'ignore'), 'cancelled');
    await node.scheduler.close();
  `;
    const directory = t.testdir({ 'program.mjs': program });
    const child = spawn(process.execPath, [join(directory, 'program.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, 'close');
    t.equal(code, 0);
    t.equal(output, '');
  },
);
