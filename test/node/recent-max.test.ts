import t from 'tap';
import { RecentMax } from '../../src/node/recent-max.js';

t.test(
  'the highest value is told for at least a window and less than two, however often it is looked at',
  async (t) => {
    const recent = new RecentMax(1_000);
    t.equal(recent.read(500), 0);
    recent.add(7, 500);
    recent.add(3, 600);
    t.equal(recent.read(700), 7);
    t.equal(recent.read(700), 7, 'looking changes nothing');
    recent.add(5, 1_200);
    t.equal(recent.read(1_999), 7);
    t.equal(recent.read(2_000), 5);
    t.equal(recent.read(3_000), 0);
    recent.add(4, 3_500);
    t.equal(recent.read(9_500), 0, 'after windows without any value');
  },
);
