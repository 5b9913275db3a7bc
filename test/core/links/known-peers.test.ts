import t from 'tap';
import type { DialFailure } from '../../../src/core/effects.js';
import type { GoodbyeReason } from '../../../src/core/hello.js';
import { defaultLinksConfig as config } from '../../../src/core/links/config.js';
import type { Links } from '../../../src/core/links/contract.js';
import { createLinks, type LinksEffect } from '../../../src/core/links/links.js';
import { createRandom } from '../../../src/core/random.js';
import { aliveMember, helloOf, idOf } from '../membership/builders.js';

const tick = { type: 'tick', lateMs: 0 } as const;

/** Where the nodes a, b, ... were when node m ran last. */
function startAgain(knownPeers: readonly string[], seeds: readonly string[] = []): Links {
  return createLinks({
    self: { id: idOf('m'), instance: 'again', address: 'm:1' },
    seeds,
    knownPeers,
    config,
    random: createRandom('links'),
  });
}

function fail(
  links: Links,
  reason: DialFailure,
  nowMs: number,
  goodbye: GoodbyeReason | null = null,
): LinksEffect[] {
  return links.step({ type: 'dial_failed', address: 'a:1', reason, detail: 'why', goodbye }, nowMs);
}

function meet(links: Links, letter: string): LinksEffect[] {
  const member = aliveMember(letter);
  return [
    ...links.step({ type: 'link_opened', link: 1, dialled: `${letter}:1`, hello: helloOf(member) }, 0),
    ...links.step({ type: 'member_changed', member }, 0),
  ];
}

t.test('those that a node knew are dialled at its start, after the seeds, each address once', async (t) => {
  t.strictSame(startAgain(['a:1', 'b:1', 'm:1'], ['b:1']).step(tick, 0), [
    { type: 'dial', address: 'b:1' },
    { type: 'dial', address: 'a:1' },
  ]);
});

t.test(
  'who does not answer is tried fast for some seconds, then rarely, and complained about once',
  async (t) => {
    const links = startAgain(['a:1']);
    const dialsMs: number[] = [];
    let logs = 0;
    links.step(tick, 0);
    for (let nowMs = 0; nowMs < 120_000; nowMs = links.nextDeadlineMs()) {
      const effects = [...links.step(tick, nowMs), ...fail(links, 'refused', nowMs)];
      logs += effects.filter(({ type }) => type === 'log').length;
      if (effects.some(({ type }) => type === 'dial')) dialsMs.push(nowMs);
    }
    t.equal(logs, 1, 'that this node is alone');
    const fast = dialsMs.filter((atMs) => atMs < 15_000).length;
    t.ok(fast >= 15 && fast <= 17, `${fast} dials in the first 15 s`);
    t.ok(dialsMs.length - fast >= 3 && dialsMs.length - fast <= 8, `${dialsMs.length - fast} after that`);
  },
);

t.test('once anybody is found, those that do not answer are let go of', async (t) => {
  const links = startAgain(['a:1', 'b:1']);
  links.step(tick, 0);
  meet(links, 'b');
  t.strictSame(fail(links, 'refused', 10), []);
  for (let nowMs = 10; nowMs < 100_000; nowMs += 1_000)
    t.notOk(links.step(tick, nowMs).some((effect) => effect.type === 'dial' && effect.address === 'a:1'));
});

t.test('an address that belongs to another cluster now is let go of at once', async (t) => {
  const links = startAgain(['a:1']);
  links.step(tick, 0);
  t.strictSame(fail(links, 'rejected', 0, 'wrong_cluster'), []);
  t.equal(links.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

t.test('a trouble that does not pass by itself is told, since nobody else would', async (t) => {
  const links = startAgain(['a:1']);
  links.step(tick, 0);
  t.match(fail(links, 'rejected', 0, 'version_mismatch'), [{ type: 'log', level: 'warn', text: /Upgrade/ }]);
});

t.test('of many that a node knew, a few are dialled at once, and seeds first', async (t) => {
  const known = Array.from({ length: 32 }, (_, index) => `k${index}:1`);
  const dials = startAgain(known, ['a:1']).step(tick, 0);
  t.equal(dials.length, 9);
  t.strictSame(dials[0], { type: 'dial', address: 'a:1' });
});
