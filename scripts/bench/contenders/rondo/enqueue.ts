import { Client } from '../../../../src/index.js';
import { type Pace, tellRate } from '../../contender-process.js';
import { lineTarget } from '../../line-target.js';
import { measureThroughput, type Throughput } from '../../load.js';
import { type BenchTarget, benchJob } from '../../target.js';
import { type Pair, processesOf, type Setting, settingOf, startPair } from './settings.js';

const inFlight = 1_000;

/** c: SUBMIT until it is acknowledged, of jobs that are due in an hour; as lines, and by the client library. */
export async function measureEnqueue(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  await measureWith(setting, (pair) => submitTarget(pair, setting), pace, 'enqueue');
  if (pace.isQuick) return;
  await measureWith(setting, (pair) => libraryTarget(pair, setting), pace, 'enqueue, client library');
}

/** Two new nodes each time: what waits there from before takes memory. */
async function measureWith(
  setting: Setting,
  targetOf: (pair: Pair) => BenchTarget | Promise<BenchTarget>,
  pace: Pace,
  row: string,
): Promise<void> {
  const pair = await startPair(setting);
  try {
    tellRate({ workload: 'c', row }, await measureEnqueuing(await targetOf(pair), pace));
  } finally {
    await pair.cluster.stop();
  }
}

export async function measureEnqueuing(target: BenchTarget, pace: Pace): Promise<Throughput> {
  try {
    return await measureThroughput(target, { inFlight, ...pace });
  } finally {
    await target.stop();
  }
}

/** Each answer is looked at: a job with a lesser promise is a fault. */
export function submitTarget({ cluster, front }: Pair, { options, promise }: Setting): BenchTarget {
  return lineTarget({
    name: 'Rondo',
    client: front.client,
    processes: processesOf(cluster),
    request: ['SUBMIT noop delay=1h', options].filter((word) => word !== '').join(' '),
    check: (_, text) => {
      if (!text.endsWith(` ${promise}`))
        throw new Error(`"${promise}" was to be reached, and the answer was: ${text}`);
    },
    stop: async () => {},
  });
}

async function libraryTarget({ cluster, front }: Pair, { options, promise }: Setting): Promise<BenchTarget> {
  const client = await Client.connect({ nodes: [front.client] });
  const asked = options === '' ? {} : { copies: 1, durable: false, ttl: 0 };
  const submit = async (n: number): Promise<void> => {
    const job = await client.submit('noop', benchJob(n), { delay: '1h', ...asked });
    const reached = `copies=${job.copies} durable=${job.durable ? 'yes' : 'no'}`;
    if (reached !== promise) throw new Error(`"${promise}" was to be reached, and "${reached}" was`);
  };
  const target: BenchTarget = {
    name: "Rondo's client library",
    processes: processesOf(cluster),
    send: (n) =>
      void submit(n).then(
        () => target.onAnswer(n),
        (error: unknown) => target.onFault(error as Error),
      ),
    onAnswer: () => {},
    onFault: () => {},
    stop: () => client.close(),
  };
  return target;
}
