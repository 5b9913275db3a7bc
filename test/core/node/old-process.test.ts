import t from 'tap';
import type { NodeEffect } from '../../../src/core/effects.js';
import { defaultJobsConfig } from '../../../src/core/jobs/config.js';
import { defaultLinksConfig } from '../../../src/core/links/config.js';
import { incarnationsPerStart } from '../../../src/core/member.js';
import { defaultMembershipConfig } from '../../../src/core/membership/config.js';
import type { PeerMessage } from '../../../src/core/messages.js';
import { NodeCore } from '../../../src/core/node/node-core.js';
import { aliveMember, helloOf, idOf } from '../membership/builders.js';

const now = { monotonicMs: 1_000, wallMs: 0 };

/** Node a with a link to the first process of b, 1, and one to c, 2. */
function nodeWithTwoLinks(): NodeCore {
  const { id, name, instance, address, client, tags, tasks } = aliveMember('a');
  const core = new NodeCore({
    id,
    name,
    instance,
    incarnation: 1,
    cluster: 'test',
    version: '0',
    address,
    client,
    tags,
    tasks,
    seeds: [],
    membership: defaultMembershipConfig,
    links: defaultLinksConfig,
    jobs: defaultJobsConfig,
    drainTimeoutMs: 1_000,
    seed: 'old process',
  });
  core.start(now);
  for (const [link, letter] of [
    [1, 'b'],
    [2, 'c'],
  ] as const) {
    const member = aliveMember(letter);
    core.step({ type: 'link_opened', link, dialled: null, hello: helloOf(member) }, now);
    say(core, link, { type: 'sync', members: [member], answerWanted: false });
  }
  return core;
}

function say(core: NodeCore, link: number, message: PeerMessage): readonly NodeEffect[] {
  return core.step({ type: 'message', link, message }, now);
}

/** Whether what b asks over its link is answered. */
function isHeard(core: NodeCore): boolean {
  const command = { type: 'status', job: 'key-unknown' } as const;
  const effects = say(core, 1, { type: 'ask', seq: 7, command });
  return effects.some((effect) => effect.type === 'send' && effect.message.type === 'answer');
}

t.test("what arrives late over an old process's link is not taken for the new one's word", async (t) => {
  const core = nodeWithTwoLinks();
  t.ok(isHeard(core), 'while it is the only one');
  const next = aliveMember('b', { instance: 'later', incarnation: 2 * incarnationsPerStart });
  say(core, 2, { type: 'gossip', rumours: [{ type: 'alive', member: next }] });
  t.equal(core.members().get(idOf('b'))?.instance, 'later');
  t.notOk(isHeard(core), 'nobody would ever give up what the old one asks');
  const answers = say(core, 1, { type: 'ping', seq: 1, rumours: [] });
  t.match(answers, [{ type: 'send', message: { type: 'ack', seq: 1 } }], 'it may be the one that is left');
});
