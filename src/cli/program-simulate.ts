import { type Command, InvalidArgumentError, Option } from 'commander';
import { simulationLimits } from '../sim/simulation-limits.js';
import type { SimulateFlags } from './commands/simulate.js';
import { withExamples } from './examples.js';
import { duration, wholeNumber } from './submit-options.js';

const { nodesMax, lossMax, partMax, delayMsMax, seedNodesMax } = simulationLimits;

/** The command that plans a cluster before there is one. */
export function addSimulateCommand(program: Command): void {
  const command = program
    .command('simulate')
    .description(
      'Simulate a cluster of any size on this machine, with the code that real nodes run, and print what one who plans it wants to know.',
    )
    .option('--nodes <n>', 'how many (default: 100)', wholeNumber(1, nodesMax))
    .option('--seed <text>', 'the same seed gives the same run (default: 1)', seed)
    .option('--seed-nodes <n>', 'addresses that all join by (default: 1)', wholeNumber(1, seedNodesMax))
    .option('--established', 'the nodes know each other from the beginning')
    .option('--loss <part>', 'packets lost, such as 0.05 or 5%', part(lossMax))
    .addOption(
      new Option('--delay <min-max>', 'one-way time of a packet, in milliseconds (default: 0.2-3)').argParser(
        delay,
      ),
    )
    .addOption(new Option('--wan', 'the same as --delay 20-80').conflicts('delay'))
    .option('--kill <n>', 'nodes killed, as by kill -9', wholeNumber(0, nodesMax))
    .option('--hang <n>', 'nodes stopped, as by SIGSTOP', wholeNumber(0, nodesMax))
    .option('--mute <n>', 'nodes that hear the others but are not heard', wholeNumber(0, nodesMax))
    .option('--block <part>', 'nodes whose loops block for 2 s again and again', part(partMax))
    .option('--partition <part>', 'nodes cut off from the others for 30 s', part(partMax))
    .option('--join <n>', 'nodes that join later, all at once', wholeNumber(0, nodesMax))
    .option('--duration <duration>', 'how long is simulated after the start, if longer than needed', duration)
    .option('--json', 'print JSON')
    .option('--report <file>', 'write a page with the curves there (HTML)')
    .action(async (flags: SimulateFlags) => (await import('./commands/simulate.js')).simulate(flags));
  withExamples(
    command,
    ['rondo simulate --nodes 1000 --loss 0.05 --kill 10 --seed 7', 'how soon do a thousand nodes know'],
    ['rondo simulate --nodes 50 --wan --partition 0.3 --report plan.html', 'over several sites, with curves'],
    [
      "rondo simulate --nodes 200 --hang 5 --json | jq '.hung.allKnowMs'",
      'how soon are hung nodes known, as data',
    ],
  );
}

function seed(text: string): string {
  if (/^[!-~]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError('It is 1 to 64 printable ASCII characters without spaces.');
}

function part(max: number): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
    const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
    if (value >= 0 && value <= max) return value;
    throw new InvalidArgumentError(`It is a part from 0 to ${max}, or a percentage: 0.05 or 5%.`);
  };
}

function delay(text: string): readonly [min: number, max: number] {
  const match = /^(\d{1,5}(?:\.\d{1,3})?)-(\d{1,5}(?:\.\d{1,3})?)$/.exec(text);
  const [min, max] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? Number.NaN)];
  if (min <= max && max <= delayMsMax) return [min, max];
  throw new InvalidArgumentError(
    `It is the least and the most milliseconds, up to ${delayMsMax}: 0.2-3 or 20-80.`,
  );
}
