import t from 'tap';
import type { FaultClass } from './chaos/plan.js';
import { runChaos } from './chaos/run.js';
import type { Weather } from './fuzz/plan.js';
import { runFuzz } from './fuzz/run.js';

t.setTimeout(180_000);

// Runs that failed once, with what they found. A change of the code may lead a run elsewhere, so what can be told apart from a run has a test of
// its own as well.

const chaosSeeds: readonly [seed: string, found: string][] = [
  [
    '41',
    'the record of a suspect was taken in as that of an alive member, with the instance of an earlier start',
  ],
  ['50', 'a node that was told to be dead told others that it is not, and not who had said so'],
  ['139', 'a process that was over was heard by its peers, and answered by none'],
  ['161', 'a node that is suspect for a moment is left out of the round, and the check did not allow for it'],
  ['1131', 'what was on its way on a slow path stayed slow when the path was not any more'],
  ['2188', 'a losing link that its dialler had lost sight of stayed open for ever'],
  ['3414', 'a seed was dialled again though it had shown itself while an earlier dial of it failed'],
  ['53193', 'a node that joined by one that lost its power at that moment waited for it, alone, for ever'],
  ['10915', 'a suspicion where packets are lost was taken for a disagreement'],
  [
    '138',
    'a job that another node owned by then was told of once more, as one that waits, without its arguments',
  ],
  ['171', 'a holder that had lost what it held, and was silent when it was asked, was never asked again'],
];

/** With clients that do more than submit. */
const clientSeeds: readonly [seed: string, fault: FaultClass | null, found: string][] = [
  ['141', null, 'a job of which only the dead copy of a node had a copy was missed'],
  [
    '165',
    null,
    'a holder that had restarted kept a schedule that its owner had others hold, and that was cancelled',
  ],
  ['47', 'killBusy', 'a job that was put back as its node died was taken for one that starts after its end'],
  ['69', 'pause', 'an executor that held the outcome of an earlier owner ran the job again for a later one'],
  ['76', 'halves', 'a holder of two owners kept the outcome of the one that had lost'],
  ['35', 'bitFlip', 'a holder that was let go did not tell the earlier owner of the later one'],
  ['60', 'seedsGone', 'a seed that never lived for a second kept nowhere to come back to'],
];

/** With one kind of fault, and many jobs. */
const faultSeeds: readonly [seed: string, fault: FaultClass, found: string][] = [
  ['0', 'pause', 'a node that went on again handed out jobs while an earlier question about them was open'],
  ['7', 'pause', 'an outcome that two owners accepted, one from the other, was taken for two'],
  [
    '54',
    'diskFull',
    'a node whose disk failed as it took a job over gave it back, and went on with it as well',
  ],
  [
    '27',
    'kill',
    'the only seed of a cluster found nobody at its restart, and ran jobs whose owners were alive',
  ],
  [
    '6',
    'killBusy',
    'a node that crashed with a key’s job ran it again, though others had taken the key meanwhile',
  ],
  [
    '96',
    'pause',
    'a node that stood still while it asked for a key took it, though others had taken it meanwhile',
  ],
  ['1', 'bitFlip', 'an owner that found no other node had a copy forgotten as its holder came back'],
  ['9', 'killBusy', 'an acknowledgement that came after its only holder was lost was taken for a promise'],
  ['91', 'pause', 'a node that was alone when it had stood still asked itself for a key without end'],
  ['7', 'kill', 'a holder gave up what it held for one of two owners, and neither heard of the other'],
];

const fuzzSeeds: readonly [seed: string, weather: Weather, found: string][] = [
  ['315', 'stormy', 'a request that came while its node took its leave had no answer'],
  ['1203', 'unruly', 'draining nodes gave way to each other for a key for ever'],
  ['1251', 'stormy', 'a node heard from an earlier process of another, and waited for it'],
  [
    '367',
    'stormy',
    'a member that came back without a link was taken for one that has one, and never forgotten',
  ],
  ['659', 'stormy', 'a node that held a job no longer was sent it again on its next link, and kept it'],
  ['682', 'stormy', 'a holder that was away was sent a job that nobody had been promised, and kept it'],
  [
    '655',
    'stormy',
    'an owner that heard of a later state of its own job left the holders of the earlier one with it',
  ],
  [
    '849',
    'stormy',
    'a job that came from an owner that was taken for dead, and then died, was looked at by nobody',
  ],
  ['920', 'stormy', 'an owner asked for a later state of its own job for ever, and nobody sent it'],
  ['590', 'stormy', 'a node followed an outcome to an owner that keeps it no longer, for ever'],
  ['7700', 'calm', 'two nodes that joined at once did not know each other for six seconds'],
  ['1147', 'calm', 'a dial that lost its packets was taken for a fault of the node'],
  ['91158', 'calm', 'a job whose only client went away before it was answered was missed'],
  ['41459', 'unruly', 'a request had no time for a packet that was lost three times'],
];

for (const [seed, found] of chaosSeeds) {
  t.test(`chaos ${seed}: ${found}`, async (t) => {
    t.equal(runChaos(seed, { submitsOnly: true }).violation, null);
  });
}

for (const [seed, fault, found] of clientSeeds) {
  t.test(`${fault ?? 'chaos'} ${seed}, with all that clients do: ${found}`, async (t) => {
    t.equal(runChaos(seed, { fault }).violation, null);
  });
}

for (const [seed, fault, found] of faultSeeds) {
  t.test(`${fault} ${seed}: ${found}`, async (t) => {
    t.equal(runChaos(seed, { fault, submitsOnly: true }).violation, null);
  });
}

for (const [seed, weather, found] of fuzzSeeds) {
  t.test(`${weather} fuzz ${seed}: ${found}`, async (t) => {
    t.strictSame(runFuzz(seed, weather).problems, []);
  });
}
