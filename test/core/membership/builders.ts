import type { Hello } from '../../../src/core/hello.js';
import type { MemberRecord } from '../../../src/core/member.js';

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
