import t from 'tap';
import { idOf } from './builders.js';
import { VirtualNet } from './virtual-net.js';

const seeds = ['one', 'two', 'three', 'four', 'five'];
const minuteMs = 60_000;

/** Everything that was ever said against a member that nothing had happened to. */
function accusations(net: VirtualNet): string[] {
  return net.changes
    .filter(({ member }) => member.state !== 'alive')
    .map(({ atMs, seenBy, member }) => `${atMs} ${seenBy}: ${member.name} ${member.state}`);
}

function others(letters: readonly string[], ...without: string[]): string[] {
  return letters.filter((letter) => !without.includes(letter));
}

/** Virtual time until all these nodes see the member in this state. */
function untilAllSee(
  net: VirtualNet,
  seers: readonly string[],
  member: string,
  state: string,
  limitMs: number,
) {
  return net.runUntil(() => seers.every((seer) => net.seen(seer, [member])[0] === state), limitMs);
}

for (const seed of seeds) {
  t.test(`seed ${seed}`, async (t) => {
    t.test('eight nodes that join by one seed all know all within a second', async (t) => {
      const net = new VirtualNet({ seed });
      for (const letter of 'abcdefgh') net.start(letter, ['a']);
      const tookMs = net.runUntil(() => net.agree([...'abcdefgh']), 1_000);
      t.comment(`${Math.round(tookMs)} ms`);
      net.runFor(5_000);
      t.equal(net.openLinkCount(), ((8 * 7) / 2) * 2, 'one link a pair, counted at each end');
      t.strictSame(accusations(net), []);
    });

    t.test('sixteen nodes started together know each other within a second', async (t) => {
      const net = new VirtualNet({ seed });
      const letters = [...'ponmlkjihgfedcba'];
      for (const letter of letters) net.start(letter, ['a', 'b']);
      t.comment(`${Math.round(net.runUntil(() => net.agree(letters), 1_000))} ms`);
      net.runFor(10_000);
      t.equal(net.openLinkCount(), 16 * 15);
      t.strictSame(accusations(net), []);
      for (const letter of letters) {
        const { contactEvents } = net.node(letter);
        const nodes = new Set(contactEvents.map((effect) => 'node' in effect && effect.node));
        t.equal(nodes.size, 15);
        t.ok(
          contactEvents.every(({ type }) => type === 'contact_opened'),
          'no contact is lost, however the dials cross',
        );
      }
    });

    t.test('a seed that starts last is found within a second', async () => {
      const net = new VirtualNet({ seed });
      for (const letter of 'bcdefgh') net.start(letter, ['a']);
      net.runFor(30_000);
      net.start('a');
      net.runUntil(() => net.agree([...'abcdefgh']), 1_000);
    });

    t.test('a killed node is known dead by all of eight within a second', async (t) => {
      const net = new VirtualNet({ seed });
      const letters = net.startCluster(8);
      net.runFor(3_000);
      net.kill('c');
      t.comment(`${Math.round(untilAllSee(net, others(letters, 'c'), 'c', 'dead', 1_000))} ms`);
      net.runFor(minuteMs);
      const falseAlarms = accusations(net).filter((line) => !line.includes(': c '));
      t.strictSame(falseAlarms, []);
    });

    t.test('half of the nodes killed at once are known dead by the other half within a second', async (t) => {
      const net = new VirtualNet({ seed });
      net.startCluster(8);
      net.runFor(3_000);
      for (const letter of 'aceg') net.kill(letter);
      for (const letter of 'aceg') untilAllSee(net, [...'bdfh'], letter, 'dead', 1_000);
      t.ok(net.agree([...'bdfh']));
    });

    t.test('a stopped node is known dead by all of eight within five seconds', async (t) => {
      const net = new VirtualNet({ seed });
      const letters = net.startCluster(8);
      net.runFor(3_000 + net.random.below(500));
      net.stop('d');
      t.comment(`${Math.round(untilAllSee(net, others(letters, 'd'), 'd', 'dead', 5_000))} ms`);
    });

    t.test('a stopped node of two is known dead within five seconds', async (t) => {
      const net = new VirtualNet({ seed });
      net.startCluster(2);
      net.stop('b');
      t.comment(`${Math.round(untilAllSee(net, ['a'], 'b', 'dead', 5_000))} ms`);
    });

    for (const stoppedMs of [1_000, 5_000, 30_000, 90_000]) {
      t.test(`a node stopped for ${stoppedMs} ms comes back, and accuses nobody`, async (t) => {
        const net = new VirtualNet({ seed });
        const letters = net.startCluster(8);
        net.runFor(3_000);
        net.stop('d');
        net.runFor(stoppedMs);
        net.resume('d');
        net.runUntil(() => net.agree(letters), 35_000);
        net.runFor(10_000);
        t.ok(net.agree(letters));
        t.strictSame(
          accusations(net).filter((line) => line.includes('dead') && !line.includes(': d dead')),
          [],
        );
      });
    }

    t.test(
      'a restarted node is alive everywhere with a higher incarnation, and never was dead since',
      async (t) => {
        const net = new VirtualNet({ seed });
        const letters = net.startCluster(8);
        net.kill('e');
        net.runFor(300);
        const { self } = net.start('e', ['a', 'b']);
        const knowIt = (letter: string) => {
          const member = net.node(letter).membership.members().get(self.id);
          return member?.state === 'alive' && member.instance === self.instance;
        };
        net.runUntil(() => letters.every(knowIt), 1_000);
        net.runFor(minuteMs);
        t.ok(letters.every(knowIt));
        const later = net.changes.filter(
          ({ member }) => member.id === self.id && member.incarnation >= self.incarnation,
        );
        t.strictSame(
          later.filter(({ member }) => member.state !== 'alive'),
          [],
        );
      },
    );

    t.test('a node that comes back at another address replaces its old entry', async (t) => {
      const net = new VirtualNet({ seed });
      const letters = net.startCluster(4);
      net.kill('b');
      untilAllSee(net, others(letters, 'b'), 'b', 'dead', 1_000);
      net.start('b', ['a'], { address: 'moved:1' });
      net.runUntil(() => net.agree(letters), 1_000);
      for (const letter of letters) {
        t.equal(net.node(letter).membership.members().get(idOf('b'))?.address, 'moved:1');
      }
    });

    t.test("a new node at a dead one's address makes that one known dead at once", async () => {
      const net = new VirtualNet({ seed });
      net.startCluster(4);
      net.kill('b');
      net.start('z', ['a'], { address: 'b:1' });
      untilAllSee(net, [...'acd'], 'b', 'dead', 300);
      net.runUntil(() => net.agree([...'acdz']), 1_000);
    });

    t.test('a node that leaves is left everywhere, and nobody suspects it', async (t) => {
      const net = new VirtualNet({ seed });
      const letters = net.startCluster(8);
      net.runFor(3_000);
      net.node('f').leave();
      untilAllSee(net, letters, 'f', 'left', 100);
      net.runFor(50);
      net.kill('f');
      net.runFor(minuteMs);
      t.strictSame(
        accusations(net).filter((line) => !line.endsWith('f left')),
        [],
      );
      t.equal(net.seen('a', ['f'])[0], 'left');
    });

    t.test('two halves that lost each other for twenty seconds find together again', async (t) => {
      const net = new VirtualNet({ seed });
      const letters = net.startCluster(8);
      for (const a of 'abcd')
        for (const b of 'efgh')
          for (const [x, y] of [
            [a, b],
            [b, a],
          ])
            net.cut(x ?? '', y ?? '');
      net.runFor(20_000);
      t.ok(net.agree([...'abcd']) && net.agree([...'efgh']), 'each half goes on by itself');
      t.strictSame(net.seen('a', [...'efgh']), ['dead', 'dead', 'dead', 'dead']);
      const healedAtMs = net.nowMs;
      net.heal();
      net.runUntil(() => net.agree(letters), 5_000);
      net.runFor(minuteMs);
      t.ok(net.agree(letters));
      const sideOf = (letter: string) => 'abcd'.includes(letter);
      const deaths = net.changes.filter(({ atMs, member }) => atMs >= healedAtMs && member.state === 'dead');
      t.strictSame(
        deaths.filter(({ seenBy, member }) => sideOf(seenBy) === sideOf(member.name)),
        [],
        "neither half takes over the other's belief that its own members are dead",
      );
    });

    t.test(
      'halves parted for longer than their links last find together within two rounds of dials',
      async () => {
        const net = new VirtualNet({ seed });
        const letters = net.startCluster(6);
        for (const a of 'abc')
          for (const b of 'def')
            for (const [x, y] of [
              [a, b],
              [b, a],
            ])
              net.cut(x ?? '', y ?? '');
        net.runFor(3 * minuteMs);
        net.heal();
        net.runUntil(() => net.agree(letters), 60_000);
      },
    );

    t.test('one way cut, a member stays alive through the others', async (t) => {
      const net = new VirtualNet({ seed });
      net.startCluster(8);
      net.runFor(2_000);
      net.cut('a', 'b');
      net.runFor(2 * minuteMs);
      t.strictSame(
        accusations(net).filter((line) => line.endsWith('dead')),
        [],
      );
    });

    t.test(
      'links that break while both ends live are made again, and nobody is taken for dead',
      async (t) => {
        const net = new VirtualNet({ seed });
        const letters = net.startCluster(8);
        for (let round = 0; round < 20; round++) {
          net.resetLinks(letters[net.random.below(8)] ?? 'a', letters[net.random.below(8)] ?? 'b');
          net.runFor(net.random.below(1_000));
        }
        net.runFor(5_000);
        t.ok(net.agree(letters));
        t.equal(net.openLinkCount(), 8 * 7);
        t.strictSame(
          accusations(net).filter((line) => line.endsWith('dead')),
          [],
        );
      },
    );

    t.test(
      'without faults nobody is ever suspected in ten minutes, and loss costs nobody its life',
      async (t) => {
        const quiet = new VirtualNet({ seed });
        quiet.startCluster(8);
        quiet.runFor(10 * minuteMs);
        t.strictSame(accusations(quiet), []);
        const lossy = new VirtualNet({ seed, loss: 0.05, delayMs: [1, 40] });
        const letters = lossy.startCluster(8);
        lossy.runFor(10 * minuteMs);
        t.strictSame(
          accusations(lossy).filter((line) => line.endsWith('dead')),
          [],
        );
        t.ok(lossy.agree(letters));
      },
    );
  });
}

t.test('two nodes with one id: the one that joins later must go', async (t) => {
  const net = new VirtualNet({ seed: 'copied' });
  net.startCluster(3);
  const first = net.node('b');
  const copy = net.start('b', ['a'], { address: 'copy:1' });
  net.runFor(1_000);
  t.equal(copy.fatal, 'ID_CONFLICT');
  t.equal(first.fatal, null);
  t.equal(net.seen('a', ['b'])[0], 'alive');
  t.match(net.logs.map((log) => log.text).join('\n'), /A second node with the id/);
});

t.test('the same seed gives the same trace, and another seed another', async (t) => {
  const traceOf = (seed: string) => {
    const net = new VirtualNet({ seed, loss: 0.05 });
    net.startCluster(8);
    net.kill('c');
    net.stop('d');
    net.runFor(7_000);
    net.resume('d');
    net.runFor(20_000);
    return net.trace;
  };
  t.equal(traceOf('again'), traceOf('again'));
  t.not(traceOf('again'), traceOf('other'));
});

t.test('an idle cluster costs each node the same few messages a second, whatever its size', async (t) => {
  const rateOf = (count: number) => {
    const net = new VirtualNet({ seed: 'idle' });
    net.startCluster(count);
    net.runFor(30_000);
    const before = net.messageCount;
    net.runFor(60_000);
    return (net.messageCount - before) / 60 / count;
  };
  for (const count of [2, 8, 16]) t.ok(rateOf(count) < 5, `${count} nodes`);
});
