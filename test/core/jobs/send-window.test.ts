import t from 'tap';
import { SendWindow } from '../../../src/core/jobs/send-window.js';

function drain(window: SendWindow<{ seq: number; bytes: number }>): number[] {
  const sent: number[] = [];
  for (let item = window.next(); item !== undefined; item = window.next()) sent.push(item.seq);
  return sent;
}

t.test('so many bytes are on their way at once, and the item that goes over them', async (t) => {
  const window = new SendWindow(100);
  for (let seq = 1; seq <= 5; seq++) window.push({ seq, bytes: 60 });
  t.strictSame(drain(window), [1, 2]);
  window.remove(1);
  t.strictSame(drain(window), [3]);
});

t.test('what was on its way goes out again before everything else, in its order', async (t) => {
  const window = new SendWindow(100);
  for (let seq = 1; seq <= 4; seq++) window.push({ seq, bytes: 50 });
  t.strictSame(drain(window), [1, 2]);
  window.remove(3);
  window.rewind();
  t.strictSame(drain(window), [1, 2]);
  window.remove(1);
  window.remove(2);
  t.strictSame(drain(window), [4]);
});

t.test('what is removed before it is sent leaves nothing behind for long', async (t) => {
  const window = new SendWindow(100);
  window.push({ seq: 0, bytes: 100 });
  t.strictSame(drain(window), [0]);
  for (let seq = 1; seq <= 100_000; seq++) {
    window.push({ seq, bytes: 1 });
    window.remove(seq);
  }
  t.ok(window.keptCount < 2_000, `${window.keptCount} are kept`);
});
