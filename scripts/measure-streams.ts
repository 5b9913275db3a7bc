import { measureStreams, type StreamReport } from './bench/streams.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-streams',
  call: 'npm run measure-streams -- [--megabytes N] [--json]',
  text: `
What a job streams from one node through another one to a client, in chunks of 64 KiB: how much a second, what memory the nodes take, and
how long heartbeats and PINGs wait meanwhile. Beside it the same bytes through two bare processes, and a bare timer.

  --megabytes N  default 1000
  --json         one JSON object instead of the text
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    megabytes: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  });
  const report = await measureStreams(wholeNumber(usage, '--megabytes', values.megabytes) * 1_000_000);
  console.log(values.json ? JSON.stringify(report) : describe(report));
}

function describe({ megabytes, rondoPerSecond, relayPerSecond, memoryMiB, gaps }: StreamReport): string {
  const ratio = rondoPerSecond / relayPerSecond;
  const longest = (figures: Readonly<Record<string, number>>): number => Math.max(...Object.values(figures));
  const memory = Object.entries(memoryMiB).map(
    ([name, { before, peak }]) => `${name} ${before.toFixed(0)} MiB, at most ${peak.toFixed(0)} MiB`,
  );
  return [
    `${megabytes.toFixed(0)} MB: ${rondoPerSecond.toFixed(0)} MB/s; two bare processes ${relayPerSecond.toFixed(0)} MB/s (${ratio.toFixed(2)} of that)`,
    `memory: ${memory.join('; ')}`,
    `longest gaps: heartbeats ${longest(gaps.heartbeatMs).toFixed(0)} ms, PING ${longest(gaps.pingMs).toFixed(0)} ms, a bare timer ${gaps.timerMs.toFixed(0)} ms`,
  ].join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  process.stderr.write(`measure-streams: ${(error as Error).stack ?? error}\n`);
  process.exitCode = 1;
});
