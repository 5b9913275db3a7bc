import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import type { MemberRecord } from '../../../src/core/member.js';
import { KnownPeers } from '../../../src/core/node/known-peers.js';
import { aliveMember } from '../membership/builders.js';

function know(kept: readonly string[] = []) {
  const members = new Map<string, MemberRecord>();
  const told: (readonly string[])[] = [];
  const peers = new KnownPeers(kept, {
    self: 'm:1',
    members: () => members.values(),
    keep: (addresses) => told.push(addresses),
  });
  const change = (nowMs: number, ...changed: MemberRecord[]): void => {
    for (const member of changed) members.set(member.id, member);
    peers.changed(nowMs);
  };
  return { peers, told, change };
}

t.test('members that come within a second are told at once, without the node itself', async (t) => {
  const { peers, told, change } = know(['x:1']);
  t.equal(peers.nextDeadlineMs(), Number.POSITIVE_INFINITY);
  change(0, aliveMember('m'), aliveMember('a'));
  change(900, aliveMember('b'));
  peers.tick(999);
  t.strictSame(told, []);
  t.equal(peers.nextDeadlineMs(), 1_000);
  peers.tick(1_000);
  t.strictSame(told, [['a:1', 'b:1']]);
  t.equal(peers.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

t.test('the first ones are told soon, as this node may not live for long', async (t) => {
  const { peers, told, change } = know();
  change(0, aliveMember('a'));
  peers.tick(50);
  t.strictSame(told, [['a:1']]);
});

t.test('nothing is told when nothing is new: what was read at the start, too, is known', async (t) => {
  const { peers, told, change } = know(['a:1']);
  change(0, aliveMember('a'));
  peers.tick(1_000);
  change(2_000, aliveMember('a', { draining: true }));
  peers.tick(3_000);
  t.strictSame(told, []);
});

t.test('who is dead is left out, but who is alone keeps those that it knew last', async (t) => {
  const { peers, told, change } = know();
  change(0, aliveMember('a'), aliveMember('b'));
  peers.tick(1_000);
  change(2_000, aliveMember('a', { state: 'dead' }));
  peers.tick(3_000);
  change(4_000, aliveMember('b', { state: 'dead' }));
  peers.tick(5_000);
  t.strictSame(told, [['a:1', 'b:1'], ['b:1']]);
});

t.test('of a large cluster, some are enough', async (t) => {
  const { peers, told, change } = know();
  const many = Array.from({ length: 200 }, (_, index) =>
    aliveMember('a', { id: `node${index}`.padEnd(12, '0'), address: `host${index}:1` }),
  );
  change(0, ...many);
  peers.tick(1_000);
  t.equal(told[0]?.length, limits.knownPeersMax);
});
