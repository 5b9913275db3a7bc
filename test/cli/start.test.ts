import { EventEmitter } from 'node:events';
import t from 'tap';
import { untilStopped } from '../../src/cli/commands/start.js';

t.test('the first signal drains, whichever it is, and the next ends the node at once', async (t) => {
  const signals = new EventEmitter();
  const calls: string[] = [];
  let stop = (_: number): void => {};
  const node = {
    stopped: new Promise<number>((resolve) => {
      stop = resolve;
    }),
    drainAndLeave: () => calls.push('drain'),
    stopNow: () => {
      calls.push('stop');
      stop(1);
    },
  };
  const code = untilStopped(node, signals);
  signals.emit('SIGTERM');
  t.strictSame(calls, ['drain']);
  signals.emit('SIGINT');
  t.strictSame(calls, ['drain', 'stop']);
  t.equal(await code, 1);
  t.strictSame([signals.listenerCount('SIGTERM'), signals.listenerCount('SIGINT')], [0, 0]);
});
