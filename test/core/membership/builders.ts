import type { Hello } from '../../../src/core/hello.js';
import type { MemberRecord } from '../../../src/core/member.js';
import {
  defaultMembershipConfig as config,
  type MembershipConfig,
} from '../../../src/core/membership/config.js';
import {
  createMembership,
  type Membership,
  type MembershipEffect,
} from '../../../src/core/membership/membership.js';
import type { Rumour } from '../../../src/core/messages.js';
import { createRandom } from '../../../src/core/random.js';

/** A member called after one letter: `b` has the id `b00000000000` and listens at `b:1`. */
export function aliveMember(letter: string, change: Partial<MemberRecord> = {}): MemberRecord {
  return {
    id: idOf(letter),
    name: letter,
    instance: 'first',
    incarnation: 1,
    state: 'alive',
    address: `${letter}:1`,
    client: `${letter}:2`,
    tags: [],
    tasks: [],
    draining: false,
    ...change,
  };
}

export function idOf(letter: string): string {
  return letter.padEnd(12, '0');
}

export function helloOf(member: MemberRecord): Hello {
  const { id: node, instance, incarnation, name, address } = member;
  return { versionMin: 1, versionMax: 1, cluster: 'test', node, instance, incarnation, name, address };
}

/** Node a, which knows nobody. */
export function start(change: Partial<MembershipConfig> = {}): Membership {
  const membership = createMembership({
    self: aliveMember('a'),
    config: { ...config, ...change },
    random: createRandom('membership'),
  });
  membership.step({ type: 'tick', lateMs: 0 }, 0);
  return membership;
}

/** A node that knows b and c, has links to them, and nothing more to tell. */
export function startWithTwo(change: Partial<MembershipConfig> = {}): Membership {
  const membership = start({ joinDigestMs: config.digestIntervalMs, ...change });
  for (const letter of ['b', 'c']) {
    const member = aliveMember(letter);
    membership.step({ type: 'contact_opened', node: member.id, hello: helloOf(member) }, 0);
    tell(membership, member.id, [{ type: 'alive', member }], 0);
  }
  for (let nowMs = 0; nowMs < 2_000; nowMs += 10) {
    const effects = membership.step({ type: 'tick', lateMs: 0 }, nowMs);
    for (const effect of effects) acknowledge(membership, effect, nowMs);
  }
  return membership;
}

/** Answers a ping that this node has sent, as its target would. */
export function acknowledge(membership: Membership, effect: MembershipEffect, nowMs: number): void {
  if (effect.type !== 'send' || effect.message.type !== 'ping') return;
  const { seq } = effect.message;
  membership.step({ type: 'message', from: effect.to, message: { type: 'ack', seq, rumours: [] } }, nowMs);
}

/** One peer gossips these rumours. */
export function tell(
  membership: Membership,
  from: string,
  rumours: readonly Rumour[],
  nowMs: number,
): MembershipEffect[] {
  return membership.step({ type: 'message', from, message: { type: 'gossip', rumours } }, nowMs);
}
