import t from 'tap';
import type { MemberRecord } from '../../../src/core/member.js';
import { CrowdNet, recordOf } from './crowd-net.js';

const repairs = ['sync', 'digest', 'buckets', 'versions', 'wanted', 'records'] as const;

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${String(index).padStart(6, '0')}`);
}

/** Even and odd nodes, who have held each other for dead for long; only links within a half can be made. */
function startHalves(count: number): { net: CrowdNet; halfOf: (name: string) => number } {
  const net = new CrowdNet({ seed: 'halves', config: { meshLinksMax: 16 } });
  const names = namesOf(count);
  const halfOf = (name: string): number => Number(name.slice(1)) % 2;
  for (const name of names) {
    const known = names.map((other) =>
      recordOf(other, { state: halfOf(other) === halfOf(name) ? 'alive' : 'dead' }),
    );
    net.add(name, known);
  }
  net.isCut = (a, b) => halfOf(a.self.name) !== halfOf(b.self.name);
  for (const half of [0, 1]) {
    net.linkAll(
      net.nodes.filter(({ self }) => halfOf(self.name) === half),
      12,
    );
  }
  net.runFor(6_000);
  net.isCut = () => false;
  net.bytes.clear();
  net.changes.length = 0;
  return { net, halfOf };
}

t.test('two halves that held each other for dead find together, and neither buries its own', async (t) => {
  const { net, halfOf } = startHalves(120);
  for (const index of [0, 20, 40, 60]) {
    const [one, other] = [net.nodes[index], net.nodes[index + 1]];
    if (one !== undefined && other !== undefined) net.link(one, other);
  }
  const tookMs = net.runUntil(() => net.agree(), 30_000);
  t.ok(tookMs !== null && tookMs < 15_000, `${tookMs} ms`);
  const buried = net.changes.filter(
    ({ seenBy, member }) => member.state === 'dead' && halfOf(seenBy) === halfOf(member.name),
  );
  t.equal(buried.length, 0);
  // A full list is some 16 kB: eight of them both ways, for the four new links alone, would be more.
  const wholeList = net.nodes.length * 130;
  t.ok(net.bytesOf(...repairs) < 8 * wholeList, `${net.bytesOf(...repairs)} bytes`);
});

t.test('one change among hundreds of members is repaired by a few kilobytes', async (t) => {
  const net = new CrowdNet({ seed: 'one', config: { meshLinksMax: 1_000 } });
  const known = namesOf(800).map((name) => recordOf(name));
  const [a, b] = [net.add('n000000', known), net.add('n000001', [...known, recordOf('late')])];
  if (a !== undefined && b !== undefined) net.link(a, b);
  net.runUntil(() => a.membership.members().has(recordOf('late').id), 20_000);
  t.ok(a.membership.members().has(recordOf('late').id));
  t.ok(net.bytesOf(...repairs) < 4_000, `${net.bytesOf(...repairs)} bytes`);
});

t.test('a node that slept for an hour catches up, and brings nobody back who died meanwhile', async (t) => {
  const net = new CrowdNet({ seed: 'sleeper', config: { meshLinksMax: 16 } });
  const names = namesOf(40);
  const dead = names.slice(30);
  const known = names.map((name) => recordOf(name));
  const later = (name: string): MemberRecord =>
    recordOf(name, { state: dead.includes(name) ? 'dead' : 'alive', incarnation: 2 ** 20 + 7 });
  const awake = names.slice(1, 30).map((name) =>
    net.add(
      name,
      names.map((other) => (other === names[0] ? recordOf(other, { state: 'dead' }) : later(other))),
    ),
  );
  net.linkAll(awake, 8);
  net.runFor(3_000);
  const sleeper = net.add('n000000', known);
  for (const node of awake.slice(0, 4)) net.link(sleeper, node);
  net.changes.length = 0;
  const catchUp = () =>
    [...awake, sleeper].every(({ membership }) =>
      names.every(
        (name) =>
          membership.members().get(recordOf(name).id)?.state === (dead.includes(name) ? 'dead' : 'alive'),
      ),
    );
  const tookMs = net.runUntil(catchUp, 20_000);
  t.ok(tookMs !== null, `${tookMs} ms`);
  const wrong = net.changes.filter(
    ({ seenBy, member }) =>
      seenBy !== 'n000000' &&
      member.name !== 'n000000' &&
      (member.state === 'alive') === dead.includes(member.name),
  );
  t.strictSame(
    wrong.map(({ seenBy, member }) => `${seenBy}: ${member.name} ${member.state}`),
    [],
  );
});

t.test('a hung node of a hundred is declared dead within five seconds, and nobody else is', async (t) => {
  const net = new CrowdNet({ seed: 'hung' });
  const names = namesOf(100);
  const known = names.map((name) => recordOf(name));
  for (const name of names) net.add(name, known);
  for (const one of net.nodes) for (const other of net.nodes) net.link(one, other);
  net.runFor(4_000);
  const [hung, ...rest] = net.nodes;
  if (hung === undefined) throw new Error('no nodes');
  hung.isHung = true;
  net.changes.length = 0;
  const allKnowMs = net.runUntil(
    () => rest.every(({ membership }) => membership.members().get(hung.self.id)?.state === 'dead'),
    7_000,
  );
  t.ok(allKnowMs !== null && allKnowMs < 5_000, `${allKnowMs} ms`);
  const dead = new Set(net.changes.flatMap(({ member }) => (member.state === 'dead' ? member.name : [])));
  t.strictSame([...dead], [hung.self.name]);
  hung.wake();
  t.ok(net.runUntil(() => net.agree(), 10_000) !== null, 'it is back when it goes on');
});
