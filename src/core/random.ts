/** A seeded generator: the same seed gives the same numbers, so a run of a core can be repeated bit for bit. */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** A generator for another concern, independent of how far this one has gone. */
  fork(concern: string): Random;
}

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, seeded by hashing the text, its first outputs thrown away. */
export function createRandom(seed: string): Random {
  let a = hashText(`${seed}/a`);
  let b = hashText(`${seed}/b`);
  let c = hashText(`${seed}/c`);
  let counter = 1;
  const nextUint32 = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let round = 0; round < 12; round++) nextUint32();
  return {
    next: () => nextUint32() / 2 ** 32,
    below: (limit) => Math.floor((nextUint32() / 2 ** 32) * limit),
    fork: (concern) => createRandom(`${seed}/${concern}`),
  };
}

/** FNV-1a over UTF-16 code units, then murmur3's finaliser, so that texts that differ in one letter differ in every bit. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
