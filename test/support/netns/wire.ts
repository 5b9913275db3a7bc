import { read, writeSync } from 'node:fs';
import { createRandom } from '../../../src/core/random.js';

/** What a wire does to frames. One that is late may be overtaken by others, as with `tc netem`. */
export interface WireFaults {
  readonly lossPercent: number;
  readonly delayMs: number;
  /** Each frame is late by `delayMs`, give or take up to this. */
  readonly jitterMs: number;
}

/** How many frames it has carried, and not. */
export interface WireCounts {
  readonly carried: number;
  readonly lost: number;
}

/**
 * A cable in user space between hosts whose network cards are TAP devices, for kernels without `sch_netem`: a process of its own
 * that takes each frame, and drops it or hands it on later. The devices are its descriptors, the place of one says whose it is.
 * It is told its faults by messages, and answers each with what it has counted so far.
 */
const frameBytesMax = 2_048;
const descriptors = (process.env.TAP_DESCRIPTORS ?? '').split(',').map(Number);
const firstHost = Number(process.argv[2]);
const random = createRandom('wire');
let faults: WireFaults = { lossPercent: 0, delayMs: 0, jitterMs: 0 };
let carried = 0;
let lost = 0;

for (const descriptor of descriptors) carryFrom(descriptor);
process.on('message', (wanted: WireFaults) => {
  faults = wanted;
  process.send?.({ carried, lost } satisfies WireCounts);
});
process.once('disconnect', () => process.exit());
process.send?.({ carried, lost } satisfies WireCounts);

function carryFrom(descriptor: number): void {
  const buffer = Buffer.allocUnsafe(frameBytesMax);
  read(descriptor, buffer, 0, frameBytesMax, null, (error, length) => {
    // A device that is not up yet has nothing to read; one that is gone never will.
    if (error === null) carry(Buffer.from(buffer.subarray(0, length)));
    if (error === null || error.code === 'EAGAIN') carryFrom(descriptor);
  });
}

/** The last byte of a hardware address is the host's number; frames to anybody else go nowhere. */
function carry(frame: Buffer): void {
  const to = descriptors[(frame[5] ?? 0) - firstHost];
  if (to === undefined || frame[0] !== 2 || frame[4] !== 0) return;
  if (random.next() * 100 < faults.lossPercent) {
    lost++;
    return;
  }
  carried++;
  const lateMs = faults.delayMs + (2 * random.next() - 1) * faults.jitterMs;
  if (lateMs < 1) deliver(to, frame);
  else setTimeout(deliver, lateMs, to, frame);
}

function deliver(to: number, frame: Buffer): void {
  try {
    writeSync(to, frame);
  } catch {
    // The host is gone, or its card is down.
  }
}
