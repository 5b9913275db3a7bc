import { limits } from '../../../src/core/limits.js';
import type { MemberRecord } from '../../../src/core/member.js';
import type { PeerMessage } from '../../../src/core/messages.js';
import type { NodeCore } from '../../../src/core/node/node-core.js';
import { hashText } from '../../../src/core/random.js';
import { encodeMessage } from '../../../src/protocol/peer-codec.js';
import { Fleet } from '../../../src/sim/fleet/fleet.js';
import { PathNode } from '../job-path.js';
import type { MemberMemory } from './figures.js';
import { heapBytes } from './heap.js';

/** What a node has on the heap of each member that it knows, and what a member's record takes in a message. */
export function measureMemberMemory(members: number): MemberMemory {
  const frames = framesOf(members);
  coreWith(frames.slice(0, 1));
  const emptyBytes = heapBytes();
  const core = coreWith(frames);
  const bytes = (heapBytes() - emptyBytes) / members;
  const known = core.countMembers().alive - 1;
  if (known !== members) throw new Error(`the node knows ${known} members, and not ${members}`);
  const wireBytes = frames.reduce((sum, frame) => sum + frame.length, 0) / members;
  return { members, bytes, wireBytes };
}

/** As a node is told of them when it joins. */
function framesOf(members: number): Buffer[] {
  const fleet = new Fleet({
    seed: 'members',
    nodesMax: members,
    seedNodes: 1,
    network: { delayMs: [1, 1], loss: 0 },
    watch: () => {},
  });
  while (fleet.records.length < members) fleet.add();
  const { recordsPerMessageMax } = limits;
  const frames: Buffer[] = [];
  for (let from = 0; from < members; from += recordsPerMessageMax) {
    const part = fleet.records.slice(from, from + recordsPerMessageMax).map(withRealId);
    frames.push(encodeMessage({ type: 'sync', members: part, answerWanted: false }));
  }
  return frames;
}

/** The ids of a fleet are none that go over a wire. */
function withRealId(member: MemberRecord, index: number): MemberRecord {
  const id = hashText(`${member.id} ${index}`).toString(32).padStart(12, '0');
  return { ...member, id, instance: id.slice(-5) };
}

function coreWith(frames: readonly Buffer[]): NodeCore {
  const node = new PathNode('c', 'measured');
  const records = frames.flatMap((frame) => node.read(frame)).flatMap(recordsIn);
  node.core.start({ monotonicMs: performance.now(), wallMs: Date.now() }, records);
  return node.core;
}

function recordsIn(message: PeerMessage): readonly MemberRecord[] {
  if (message.type !== 'sync') throw new Error(`a ${message.type} is no sync`);
  return message.members;
}
