import t from 'tap';
import { backoffMs } from '../../../src/core/backoff.js';
import type { DialFailure } from '../../../src/core/effects.js';
import type { GoodbyeReason } from '../../../src/core/hello.js';
import { defaultLinksConfig as config } from '../../../src/core/links/config.js';
import type { Links } from '../../../src/core/links/contract.js';
import { createLinks, type LinksEffect } from '../../../src/core/links/links.js';
import type { MemberRecord } from '../../../src/core/member.js';
import { createRandom } from '../../../src/core/random.js';
import { aliveMember, helloOf, idOf } from '../membership/builders.js';

const tick = { type: 'tick', lateMs: 0 } as const;

/** The links of node m: a to l have lower ids, n to z higher ones. */
function start(seeds: readonly string[] = [], change: Partial<typeof config> = {}): Links {
  return createLinks({
    self: { id: idOf('m'), instance: 'first', address: 'm:1' },
    seeds,
    config: { ...config, ...change },
    random: createRandom('links'),
  });
}

function open(
  links: Links,
  letter: string,
  link: number,
  { nowMs = 0, dialled = null as string | null, change = {} } = {},
) {
  const hello = helloOf(aliveMember(letter, change));
  const effects = links.step({ type: 'link_opened', link, dialled, hello }, nowMs);
  // Strangers are watched; that has a test of its own.
  return effects.filter(({ type }) => type !== 'watch_link');
}

function close(links: Links, link: number, goodbye: GoodbyeReason | null, nowMs = 0): LinksEffect[] {
  return links.step(
    { type: 'link_closed', link, reason: goodbye === null ? 'reset' : 'goodbye', goodbye },
    nowMs,
  );
}

function fail(
  links: Links,
  address: string,
  reason: DialFailure,
  nowMs = 0,
  goodbye: GoodbyeReason | null = null,
) {
  return links.step({ type: 'dial_failed', address, reason, detail: 'why', goodbye }, nowMs);
}

function know(links: Links, letter: string, change: Partial<MemberRecord> = {}, nowMs = 0): LinksEffect[] {
  return links.step({ type: 'member_changed', member: aliveMember(letter, change) }, nowMs);
}

function opened(letter: string, link: number): LinksEffect {
  return { type: 'contact_opened', node: idOf(letter), link, hello: helloOf(aliveMember(letter)) };
}

function dialsOf(effects: readonly LinksEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'dial' ? effect.address : []));
}

t.test('a wait doubles up to its longest, and is drawn from the upper half', async (t) => {
  const table: [failures: number, fullMs: number][] = [
    [0, 100],
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1_000],
    [9_999, 1_000],
  ];
  for (const [failures, fullMs] of table) {
    for (const next of [0, 0.5, 0.999]) {
      const random = { ...createRandom('x'), next: () => next };
      t.equal(backoffMs(failures, { minMs: 100, maxMs: 1_000 }, random), fullMs * (0.5 + next / 2));
    }
  }
});

t.test('seeds are dialled at once, each address once, this node itself not', async (t) => {
  t.strictSame(start(['a:1', 'b:1', 'a:1', 'm:1']).step(tick, 0), [
    { type: 'dial', address: 'a:1' },
    { type: 'dial', address: 'b:1' },
  ]);
});

t.test(
  'a seed that refuses is dialled for ever while nobody is known, and complained about once a minute',
  async (t) => {
    const links = start(['a:1']);
    let [dials, logs] = [0, 0];
    links.step(tick, 0);
    for (let nowMs = 0; nowMs < 600_000; nowMs = links.nextDeadlineMs()) {
      const effects = [...links.step(tick, nowMs), ...fail(links, 'a:1', 'refused', nowMs)];
      dials += dialsOf(effects).length;
      logs += effects.filter((effect) => effect.type === 'log').length;
      t.ok(links.nextDeadlineMs() - nowMs <= config.seedRedialMaxMs);
    }
    t.ok(dials > 700, `${dials} dials`);
    t.ok(logs >= 9 && logs <= 11, `${logs} logs`);
  },
);

t.test('each kind of trouble with a seed gets a sentence that says what to do', async (t) => {
  const table: [DialFailure, GoodbyeReason | null, RegExp][] = [
    ['refused', null, /no node listens there\. Start it/],
    ['unreachable', null, /firewall/],
    ['timeout', null, /doesn't answer in time/],
    ['unresolved', null, /doesn't resolve/],
    ['wrong_key', null, /same --key-file/],
    ['protocol_error', null, /Give --join the peer port/],
    ['reset', null, /broke the connection off/],
    ['rejected', 'wrong_cluster', /another cluster/],
    ['rejected', 'version_mismatch', /Upgrade/],
    ['rejected', 'too_many_links', /another node/],
    ['rejected', 'leaving', /leaving/],
    ['rejected', null, /turned this node away/],
  ];
  for (const [reason, goodbye, text] of table) {
    const links = start(['a:1']);
    links.step(tick, 0);
    const [log] = fail(links, 'a:1', reason, 0, goodbye);
    t.match(log, { type: 'log', level: 'warn', text, fields: { seed: 'a:1' } });
  }
});

t.test('a seed that turns out to be this node is dropped without a word', async (t) => {
  const links = start(['alias:1']);
  links.step(tick, 0);
  t.strictSame(fail(links, 'alias:1', 'rejected', 0, 'self_link'), []);
  t.equal(links.nextDeadlineMs(), Number.POSITIVE_INFINITY);
  const other = start(['alias:1']);
  other.step(tick, 0);
  const effects = open(other, 'm', 1, { dialled: 'alias:1' });
  t.strictSame(effects, [{ type: 'close_link', link: 1, reason: 'self_link' }]);
  t.equal(other.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

t.test('seeds that answered are tried again once nobody is known any more', async (t) => {
  const links = start(['a:1']);
  links.step(tick, 0);
  open(links, 'a', 1, { dialled: 'a:1' });
  know(links, 'a');
  t.strictSame(dialsOf(know(links, 'a', { state: 'dead' }, 1_000)), ['a:1'], 'its link alone may be dead');
  fail(links, 'a:1', 'timeout', 4_000);
  t.strictSame(links.step(tick, 5_000), [], 'not while there is a link');
  t.strictSame(dialsOf(close(links, 1, null, 6_000)), []);
  t.strictSame(dialsOf(links.step(tick, 6_000 + config.seedRedialMinMs)), ['a:1']);
});

t.test('of a new pair the lower id dials at once and the higher after its turn', async (t) => {
  const links = start();
  t.strictSame(know(links, 'z'), [{ type: 'dial', address: 'z:1' }]);
  t.strictSame(know(links, 'a'), []);
  t.equal(links.nextDeadlineMs(), config.dialTurnMs);
  t.strictSame(links.step(tick, config.dialTurnMs), [{ type: 'dial', address: 'a:1' }]);
});

t.test('a member that has dialled already is not dialled', async (t) => {
  const links = start();
  t.strictSame(open(links, 'a', 1), [opened('a', 1)]);
  t.strictSame(know(links, 'a'), []);
  t.strictSame(links.step(tick, 10_000), []);
  t.equal(links.linkTo(idOf('a')), 1);
  t.equal(links.helloOf(1)?.node, idOf('a'));
});

// Both orders in which the two links of a simultaneous dial can show, at the end with the lower id and at the other.
for (const [peer, winner] of [
  ['z', 'own'],
  ['a', "peer's"],
] as const) {
  for (const first of ['own', "peer's"]) {
    t.test(
      `of two links with ${peer}, ${first} first, the ${winner} stays, and nobody is lost`,
      async (t) => {
        const links = start();
        const [own, other] = [1, 2];
        const openOwn = () => open(links, peer, own, { dialled: `${peer}:1` });
        const openOther = () => open(links, peer, other);
        const effects = first === 'own' ? [...openOwn(), ...openOther()] : [...openOther(), ...openOwn()];
        t.strictSame(effects, [opened(peer, first === 'own' ? own : other)]);
        t.equal(links.linkTo(idOf(peer)), winner === 'own' ? own : other);
        t.equal(
          links.helloOf(own)?.node,
          links.helloOf(other)?.node,
          'what is on its way on the loser still counts',
        );
        // Only the dialler closes its loser; the other end waits for that.
        const overdue = links.step(tick, config.duplicateLingerMs);
        const expected =
          winner === 'own'
            ? []
            : [{ type: 'close_link', link: own, reason: 'duplicate_link' }, opened(peer, other)];
        t.strictSame(overdue, expected);
        if (winner === 'own') {
          t.strictSame(close(links, other, 'duplicate_link', 1_000), [opened(peer, own)]);
        }
        t.equal(links.count(), 1);
      },
    );
  }
}

t.test(
  'a link closed as a duplicate before its winner shows loses no contact, but maybe messages',
  async (t) => {
    const links = start();
    know(links, 'a');
    open(links, 'a', 1);
    t.strictSame(close(links, 1, 'duplicate_link'), []);
    t.strictSame(open(links, 'a', 2, { nowMs: config.settleMs - 1 }), [opened('a', 2)]);
    t.equal(links.linkTo(idOf('a')), 2);
  },
);

t.test(
  'a link closed as a duplicate whose winner never shows is a lost contact, and dialled again',
  async (t) => {
    const links = start();
    know(links, 'z');
    open(links, 'z', 1, { dialled: 'z:1' });
    close(links, 1, 'duplicate_link');
    t.strictSame(links.step(tick, config.settleMs), [
      { type: 'contact_lost', node: idOf('z'), link: 1, reason: 'unreachable' },
    ]);
    t.strictSame(dialsOf(links.step(tick, config.settleMs + config.redialMinMs)), ['z:1']);
  },
);

t.test('a broken link is dialled at once; a refusal then says that nobody is there, once', async (t) => {
  const links = start();
  know(links, 'z');
  open(links, 'z', 1, { dialled: 'z:1' });
  t.strictSame(close(links, 1, null, 1_000), [
    { type: 'contact_lost', node: idOf('z'), link: 1, reason: 'reset' },
    { type: 'dial', address: 'z:1' },
  ]);
  t.strictSame(fail(links, 'z:1', 'reset', 1_001), [], 'a dying process may still accept');
  t.strictSame(dialsOf(links.step(tick, 1_001 + config.resetRedialMs)), ['z:1']);
  t.strictSame(fail(links, 'z:1', 'refused', 1_040), [
    { type: 'contact_lost', node: idOf('z'), link: null, reason: 'refused' },
  ]);
  t.strictSame(dialsOf(links.step(tick, 1_040 + config.redialMinMs)), ['z:1']);
  t.strictSame(fail(links, 'z:1', 'refused', 2_000), []);
});

t.test(
  'a member that is dead or left is dialled every half minute: it may be back and know nobody',
  async (t) => {
    const links = start();
    t.strictSame(know(links, 'z', { state: 'dead' }), []);
    t.strictSame(know(links, 'y', { state: 'left' }), []);
    for (let round = 1; round <= 5; round++) {
      const atMs = round * 2 * config.deadRedialMs;
      t.strictSame(dialsOf(links.step(tick, atMs)).sort(), ['y:1', 'z:1']);
      fail(links, 'z:1', 'refused', atMs);
      fail(links, 'y:1', 'refused', atMs);
    }
  },
);

t.test('a dead member is not dialled any more where another node has its address', async (t) => {
  const links = start();
  know(links, 'z', { state: 'dead' });
  t.strictSame(dialsOf(links.step(tick, 2 * config.deadRedialMs)), ['z:1']);
  open(links, 'y', 1, { dialled: 'z:1', nowMs: 2 * config.deadRedialMs, change: { address: 'z:1' } });
  t.strictSame(dialsOf(links.step(tick, 9 * config.deadRedialMs)), []);
});

t.test('a dead member keeps its link for half a minute, since it may only sleep', async (t) => {
  const links = start();
  open(links, 'a', 1);
  know(links, 'a');
  know(links, 'a', { state: 'dead' }, 1_000);
  t.strictSame(links.step(tick, 1_000 + config.deadLinkMs - 1), []);
  t.strictSame(links.step(tick, 1_000 + config.deadLinkMs), [
    { type: 'close_link', link: 1, reason: 'idle' },
    { type: 'contact_lost', node: idOf('a'), link: 1, reason: 'unreachable' },
  ]);
});

t.test('a node whose link was closed since it was taken for dead dials again at once', async (t) => {
  const links = start();
  open(links, 'a', 1);
  know(links, 'a');
  t.strictSame(close(links, 1, 'idle'), [
    { type: 'contact_lost', node: idOf('a'), link: 1, reason: 'unreachable' },
  ]);
  t.strictSame(dialsOf(links.step(tick, config.redialMinMs)), ['a:1']);
});

t.test('a goodbye of a node that leaves is told as one, and the node is not dialled', async (t) => {
  const links = start();
  open(links, 'a', 1);
  know(links, 'a');
  t.strictSame(close(links, 1, 'leaving'), [
    { type: 'contact_lost', node: idOf('a'), link: 1, reason: 'goodbye' },
  ]);
  t.strictSame(links.step(tick, 60_000), []);
});

t.test('a new instance at the same address replaces the link of the old one', async (t) => {
  const links = start();
  open(links, 'a', 1);
  know(links, 'a');
  const change = { instance: 'second', incarnation: 2 };
  t.strictSame(open(links, 'a', 2, { change }), [
    { type: 'close_link', link: 1, reason: 'replaced' },
    { type: 'contact_lost', node: idOf('a'), link: 1, reason: 'unreachable' },
    { type: 'contact_opened', node: idOf('a'), link: 2, hello: helloOf(aliveMember('a', change)) },
  ]);
  t.strictSame(close(links, 1, null), [], 'the end of the old one is no news');
});

t.test(
  'a second node with the id of a healthy member is turned away; with that of a suspect it replaces it',
  async (t) => {
    const change = { instance: 'second', address: 'copy:1' };
    const links = start();
    open(links, 'a', 1);
    know(links, 'a');
    t.match(open(links, 'a', 2, { change }), [
      { type: 'close_link', link: 2, reason: 'id_conflict' },
      { type: 'log', level: 'error', text: /copied/ },
    ]);
    know(links, 'a', { state: 'suspect' });
    t.match(open(links, 'a', 3, { change })[0], { type: 'close_link', link: 1, reason: 'replaced' });
  },
);

t.test('a node that is told at join that its id is in use ends, and says why', async (t) => {
  const expected = { type: 'fatal', code: 'ID_CONFLICT', message: /--data/ };
  const rejected = start(['a:1']);
  rejected.step(tick, 0);
  t.match(fail(rejected, 'a:1', 'rejected', 0, 'id_conflict')[0], expected);
  const closed = start(['a:1']);
  closed.step(tick, 0);
  open(closed, 'a', 1, { dialled: 'a:1' });
  t.match(close(closed, 1, 'id_conflict')[0], expected);
  const met = start(['other:1']);
  met.step(tick, 0);
  t.match(open(met, 'm', 1, { dialled: 'other:1', change: { instance: 'other' } })[1], expected);
});

t.test('a node that is established does not end for a copy of it that dials', async (t) => {
  const links = start();
  open(links, 'a', 1);
  know(links, 'a');
  const effects = open(links, 'm', 2, { change: { instance: 'other', address: 'copy:1' } });
  t.match(effects, [
    { type: 'close_link', link: 2, reason: 'id_conflict' },
    { type: 'log', level: 'error' },
  ]);
});

t.test('a node that is established only complains when a copy of it was there first elsewhere', async (t) => {
  const links = start();
  open(links, 'z', 1, { dialled: 'z:1' });
  know(links, 'z');
  t.match(close(links, 1, 'id_conflict', config.joinMs)[0], { type: 'log', level: 'error', text: /--data/ });
});

t.test(
  "another node at a member's address: that one is gone from there, unless its link says otherwise",
  async (t) => {
    const links = start();
    know(links, 'z');
    know(links, 'y');
    open(links, 'y', 1);
    const hello = helloOf(aliveMember('b', { address: 'z:1' }));
    const effects = links.step({ type: 'link_opened', link: 2, dialled: 'z:1', hello }, 10);
    t.strictSame(effects[0], { type: 'address_taken', node: idOf('z'), by: idOf('b') });
    const other = helloOf(aliveMember('c', { address: 'y:1' }));
    t.strictSame(
      links.step({ type: 'link_opened', link: 3, dialled: null, hello: other }, 10).map(({ type }) => type),
      ['contact_opened', 'watch_link'],
    );
    t.strictSame(close(links, 1, null, 20).slice(0, 2), [
      { type: 'contact_lost', node: idOf('y'), link: 1, reason: 'reset' },
      { type: 'address_taken', node: idOf('y'), by: idOf('c') },
    ]);
  },
);

t.test("a member said to be at this node's own address is gone from there, and not dialled", async (t) => {
  t.strictSame(know(start(), 'z', { address: 'm:1' }), [
    { type: 'address_taken', node: idOf('z'), by: idOf('m') },
  ]);
});

t.test(
  'no more dials at once than allowed, and one to an address, however many members are invented',
  async (t) => {
    const links = start([], { meshLinksMax: 128 });
    const dials: string[] = [];
    for (let index = 0; index < 10_000; index++) {
      const member = aliveMember('z', { id: `z${index}`, address: `z${index >> 1}:1` });
      dials.push(...dialsOf(links.step({ type: 'member_changed', member }, 0)));
    }
    t.equal(dials.length, config.dialsMax);
    t.equal(new Set(dials).size, config.dialsMax);
    t.equal(links.nextDeadlineMs(), Number.POSITIVE_INFINITY, 'nothing is due until one ends');
    fail(links, 'z0:1', 'timeout', 10);
    t.equal(dialsOf(links.step(tick, links.nextDeadlineMs())).length, 1);
  },
);

t.test('a broken link of two is told, whichever it was: what was on its way on it may be lost', async (t) => {
  for (const [broken, left] of [
    [1, 2],
    [2, 1],
  ] as const) {
    for (const letter of ['a', 'z']) {
      const links = start();
      open(links, letter, 1, { dialled: `${letter}:1` });
      t.strictSame(open(links, letter, 2), []);
      t.strictSame(close(links, broken, null), [opened(letter, left)]);
      t.equal(links.linkTo(idOf(letter)), left);
      t.equal(links.nextDeadlineMs(), Number.POSITIVE_INFINITY, 'the last one is not closed any more');
    }
  }
});

t.test('of three links that a peer dialled, the older two stay until they are empty', async (t) => {
  const links = start();
  for (const link of [1, 2, 3]) open(links, 'a', link);
  t.equal(links.linkTo(idOf('a')), 3);
  t.strictSame(links.step(tick, config.duplicateLingerMs / 2), [
    { type: 'close_link', link: 1, reason: 'duplicate_link' },
    opened('a', 3),
  ]);
  t.strictSame(links.step(tick, config.forgottenLingerMs - 1), [], 'two are for the peer to settle');
  t.strictSame(
    links.step(tick, config.forgottenLingerMs),
    [{ type: 'close_link', link: 2, reason: 'duplicate_link' }, opened('a', 3)],
    'unless it has lost sight of one, by a reset that this end never heard of',
  );
  t.strictSame(links.step(tick, 60_000), []);
});

t.test('the link of a dead member ends in time, a spare of it or not', async (t) => {
  const links = start();
  know(links, 'a');
  open(links, 'a', 1);
  open(links, 'a', 2);
  know(links, 'a', { state: 'dead' });
  close(links, 1, null, 1_000);
  t.match(links.step(tick, config.deadLinkMs), [
    { type: 'close_link', link: 2, reason: 'idle' },
    { type: 'contact_lost' },
  ]);
});

t.test('links over the limit are refused, and one too many to one node costs the oldest spare', async (t) => {
  const links = start([], { linksMax: 2 });
  open(links, 'a', 1);
  open(links, 'b', 2);
  t.strictSame(open(links, 'c', 3), [{ type: 'close_link', link: 3, reason: 'too_many_links' }]);
  t.equal(links.linkTo(idOf('c')), null);
  const many = start();
  const last = config.pairLinksMax + 1;
  for (let link = 1; link < last; link++) t.equal(open(many, 'a', link).length, link === 1 ? 1 : 0);
  t.strictSame(open(many, 'a', last), [
    { type: 'close_link', link: 1, reason: 'duplicate_link' },
    opened('a', last),
  ]);
  t.equal(many.linkTo(idOf('a')), last);
});

t.test('a node that leaves dials nobody and takes no new link', async (t) => {
  const links = start(['a:1']);
  t.strictSame(links.step({ type: 'leaving' }, 0), []);
  t.strictSame(know(links, 'z'), []);
  t.strictSame(open(links, 'b', 1), [{ type: 'close_link', link: 1, reason: 'leaving' }]);
  t.equal(links.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

t.test('a link to a node that is no member yet is watched, for nobody probes it', async (t) => {
  const links = start();
  know(links, 'b');
  const watched = (letter: string, link: number): boolean => {
    const hello = helloOf(aliveMember(letter));
    const effects = links.step({ type: 'link_opened', link, dialled: null, hello }, 0);
    return effects.some((effect) => effect.type === 'watch_link' && effect.link === link);
  };
  t.ok(watched('z', 1));
  t.notOk(watched('b', 2));
});

t.test(
  'a seed that ends a dial as if for a key is tried soon for a while: a proxy may stand before it',
  async (t) => {
    const links = start(['b:1']);
    let nowMs = 0;
    for (let tries = 0; tries < 16; tries++) {
      fail(links, 'b:1', 'wrong_key', nowMs);
      const dueMs = links.nextDeadlineMs();
      t.ok(dueMs <= nowMs + config.seedRedialMaxMs);
      t.strictSame(dialsOf(links.step(tick, dueMs)), ['b:1']);
      nowMs = dueMs;
    }
    fail(links, 'b:1', 'wrong_key', nowMs);
    t.ok(links.nextDeadlineMs() >= nowMs + config.seedSlowRedialMs / 2);
  },
);

t.test(
  'a member that is held to be dead and answers a dial has a new link, and the old one goes',
  async (t) => {
    for (const dialled of ['b:1', null]) {
      const links = start();
      open(links, 'b', 1, { dialled });
      know(links, 'b');
      know(links, 'b', { state: 'dead' }, 1_000);
      t.strictSame(open(links, 'b', 2, { dialled: 'b:1', nowMs: 1_100 }), [
        { type: 'close_link', link: 1, reason: 'duplicate_link' },
        { type: 'contact_lost', node: idOf('b'), link: 1, reason: 'unreachable' },
        opened('b', 2),
      ]);
      know(links, 'b', { incarnation: 2 }, 1_200);
      t.strictSame(links.step(tick, 60_000), []);
    }
  },
);

t.test('a seed that shows itself while a dial of it fails is not dialled again', async (t) => {
  const links = start(['b:1']);
  open(links, 'b', 1, { nowMs: 10 });
  t.strictSame(fail(links, 'b:1', 'timeout', 3_000), []);
  t.strictSame(dialsOf(links.step(tick, 100_000)), []);
});

t.test(
  'a peer that dials anew since it lost a link that this end holds still keeps its new one',
  async (t) => {
    const links = start();
    open(links, 'z', 1, { dialled: 'z:1' });
    open(links, 'z', 2, { nowMs: 60_000 });
    t.strictSame(links.step(tick, 60_000 + config.forgottenLingerMs - 1), [], 'it may be about to close it');
    t.strictSame(links.step(tick, 60_000 + config.forgottenLingerMs), [
      { type: 'close_link', link: 1, reason: 'duplicate_link' },
      opened('z', 2),
    ]);
    t.equal(links.linkTo(idOf('z')), 2);
    t.strictSame(links.step(tick, 200_000), []);
  },
);

t.test('of two links dialled at once, the one that the peer forgets goes', async (t) => {
  const links = start();
  open(links, 'z', 1, { dialled: 'z:1' });
  open(links, 'z', 2, { nowMs: 20 });
  t.strictSame(links.step(tick, 20 + config.forgottenLingerMs), [
    { type: 'close_link', link: 2, reason: 'duplicate_link' },
    opened('z', 1),
  ]);
});
