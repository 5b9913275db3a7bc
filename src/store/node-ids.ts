import { randomBytes } from 'node:crypto';
import type { InstanceId, NodeId } from '../core/ids.js';

const alphabet = '0123456789abcdefghijklmnopqrstuv';

/** 60 random bits: among a million nodes, two alike have a chance of one in two million. */
export function newNodeId(): NodeId {
  return randomText(12);
}

/** 25 random bits: enough to tell one start of a node from its last ones. */
export function newInstanceId(): InstanceId {
  return randomText(5);
}

/** 32 letters divide 256, so the low bits of a byte favour none. */
function randomText(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}
