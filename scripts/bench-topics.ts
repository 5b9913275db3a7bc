import { measureTopics, type TopicsFigures } from './bench/topics.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench-topics',
  call: 'npm run bench-topics -- [--nodes N] [--subscribers N] [--messages N] [--bytes N] [--json]',
  text: `
What nodes carry from one publisher to many subscribers, spread over all nodes: how long a message takes to a subscriber of another node,
one at a time, and how many a second come to all. Beside it the same bytes through one process that writes whatever comes to all
sockets, without looking at it.

  --nodes N        default 3
  --subscribers N  default 100
  --messages N     default 50000
  --bytes N        of each message (default 100)
  --json           one JSON object instead of the text
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    nodes: { type: 'string', default: '3' },
    subscribers: { type: 'string', default: '100' },
    messages: { type: 'string', default: '50000' },
    bytes: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
  });
  const load = {
    nodes: wholeNumber(usage, '--nodes', values.nodes),
    subscribers: wholeNumber(usage, '--subscribers', values.subscribers),
    messages: wholeNumber(usage, '--messages', values.messages),
    bytes: wholeNumber(usage, '--bytes', values.bytes),
  };
  const report = await measureTopics(load);
  if (values.json) {
    console.log(JSON.stringify({ ...load, ...report }));
    return;
  }
  console.log(
    `${load.messages} messages of ${load.bytes} bytes to ${load.subscribers} subscribers on ${load.nodes} nodes`,
  );
  console.log(row(['', 'p50 ms', 'p99 ms', 'messages/s', 'deliveries/s', 'CPU µs/message', 'peak MiB']));
  console.log(describe('Rondo', report.rondo));
  console.log(describe('bare TCP relay', report.relay));
}

function describe(name: string, figures: TopicsFigures): string {
  const { latencyMs, messagesPerSecond, deliveriesPerSecond, cpuUsPerMessage, residentPeakMiB } = figures;
  return row([
    name,
    latencyMs.p50.toFixed(2),
    latencyMs.p99.toFixed(2),
    ...[messagesPerSecond, deliveriesPerSecond, cpuUsPerMessage, residentPeakMiB].map((figure) =>
      figure.toFixed(0),
    ),
  ]);
}

function row([first = '', ...cells]: readonly string[]): string {
  return `  ${first.padEnd(16)}${cells.map((cell) => cell.padStart(15)).join('')}`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main();
