import t from 'tap';
import { defaultSubmitOptions, type NodeCommand } from '../../src/core/commands.js';
import type { Item } from '../../src/core/item.js';
import { SimCluster, type SimRequest } from '../../src/sim/sim-cluster.js';

const run = (args = '1'): NodeCommand => ({
  type: 'submit',
  wait: true,
  stream: { room: 256 * 1024, after: null },
  task: 'echo',
  args,
  options: { ...defaultSubmitOptions },
});

const chunksOf = ({ items }: SimRequest): [attempt: number, number: number][] =>
  items.flatMap((item: Item) => {
    if (item.type !== 'data') return [];
    const [attempt, number] = JSON.parse(String(item.payload)) as [number, number];
    return [[attempt, number]];
  });

t.test('what a job yields comes whole and in order to clients of all nodes', async (t) => {
  for (const seed of ['1', '2', '3', '4', '5', '6', '7', '8']) {
    const cluster = new SimCluster({ seed, streams: 1, runMs: [1, 5] });
    const names = cluster.startAll(3);
    const requests = names.flatMap((name) => Array.from({ length: 5 }, () => cluster.request(name, run())));
    cluster.runUntil('all are answered', () => requests.every(({ reply }) => reply !== null), 60_000);
    for (const request of requests) {
      t.equal(request.reply?.ok, true);
      const numbers = chunksOf(request).map(([, number]) => number);
      t.strictSame(
        numbers,
        Array.from({ length: numbers.length }, (_, index) => index + 1),
      );
      t.ok(numbers.length > 0);
      const states = request.items.flatMap((item) =>
        item.type === 'state' ? [JSON.parse(item.text).state] : [],
      );
      t.equal(states.at(-1), 'done');
    }
  }
});
