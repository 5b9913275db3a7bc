import { limits } from '../limits.js';
import { hashText } from '../random.js';
import type { Topic } from './topic.js';

/** Bits that a topic sets: with 8 bits a topic one other topic in 40 seems to be there. */
const bitsPerTopic = 4;
const bitsMax = limits.interestFilterBytesMax * 8;
const filterBytesMin = 64;

/**
 * A Bloom filter (Bloom, 1970) of topics that come and go. How many topics set each bit is counted at the largest size; what is told to
 * others is as large as the number of topics asks for, 8 bits a topic: bits of the largest filter fold onto those of a smaller one, as
 * sizes are powers of two.
 */
export class TopicFilter {
  /** Made when there is something to count. */
  private counts: Uint32Array | null = null;
  private topicCount = 0;

  add(topic: Topic): void {
    this.counts ??= new Uint32Array(bitsMax);
    this.change(this.counts, topic, 1);
    this.topicCount++;
  }

  remove(topic: Topic): void {
    if (this.counts === null) return;
    this.change(this.counts, topic, -1);
    if (--this.topicCount === 0) this.counts = null;
  }

  /** Empty when no topic is in it. */
  bytes(): Uint8Array {
    if (this.counts === null) return new Uint8Array(0);
    let size = filterBytesMin;
    while (size < this.topicCount && size < limits.interestFilterBytesMax) size *= 2;
    const bytes = new Uint8Array(size);
    const mask = size * 8 - 1;
    for (let bit = 0; bit < bitsMax; bit++) {
      if (this.counts[bit] === 0) continue;
      const folded = bit & mask;
      bytes[folded >> 3] = (bytes[folded >> 3] as number) | (1 << (folded & 7));
    }
    return bytes;
  }

  private change(counts: Uint32Array, topic: Topic, by: 1 | -1): void {
    const hash = hashOf(topic);
    const step = stepOf(hash);
    for (let index = 0; index < bitsPerTopic; index++) {
      const bit = bitOf(hash, step, index) & (bitsMax - 1);
      counts[bit] = (counts[bit] as number) + by;
    }
  }
}

export function hashOf(topic: Topic): number {
  return hashText(topic);
}

/** Whether a topic with this hash may be in a filter. */
export function mayHold(filter: Uint8Array, hash: number): boolean {
  if (filter.length === 0) return false;
  const mask = filter.length * 8 - 1;
  const step = stepOf(hash);
  for (let index = 0; index < bitsPerTopic; index++) {
    const bit = bitOf(hash, step, index) & mask;
    if (((filter[bit >> 3] as number) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

/** Whether so many bytes can be a filter. */
export function isFilterSize(bytes: number): boolean {
  if (bytes === 0) return true;
  return bytes >= filterBytesMin && bytes <= limits.interestFilterBytesMax && (bytes & (bytes - 1)) === 0;
}

/** Double hashing (Kirsch and Mitzenmacher, 2006): the bits are as good as those of hashes of their own. */
function stepOf(hash: number): number {
  return (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 1) | 1;
}

function bitOf(hash: number, step: number, index: number): number {
  return (hash + Math.imul(index, step)) >>> 0;
}
