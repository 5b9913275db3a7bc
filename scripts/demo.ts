import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import {
  type Cluster,
  type ClusterNode,
  membersAt,
  request,
  startCluster,
  untilState,
} from '../test/support/cluster.js';
import { filesUnder, sumsBySha256sum } from './demo/checksums.js';
import { type SumResult, startMap } from './demo/map-run.js';
import { readOptions, type ScriptUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'demo',
  call: 'npm run demo',
  text: `
Three nodes with a fresh key compute the SHA-256 of every file under node_modules, one of them is killed in the middle, and the
results are compared with those of sha256sum. Ends by itself, leaves nothing behind, and exits with 0 only when every file has
its right sum.
`,
};

const root = fileURLToPath(new URL('../../', import.meta.url));
const names = ['ada', 'bob', 'eve'];
const killAtShare = 0.4;
const demoTimeoutMs = 110_000;

async function main(): Promise<void> {
  readOptions(usage, {});
  endInTime();
  const startedAtMs = performance.now();
  say('Starting three nodes with a fresh key ...');
  const cluster = await startCluster({
    names,
    tls: true,
    args: ['--tasks', `${root}examples/tasks`, '--log-level', 'warn'],
  });
  try {
    const [front, , victim] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
    for (const { name, peer, client, pid } of cluster.nodes) {
      say(`  ${name}  pid ${pid}  peers ${peer} (TLS)  clients ${client}`);
    }
    const files = filesUnder(`${root}node_modules`);
    say(`\nrondo map sha256: ${files.length} files under node_modules, through ${front.name}`);
    const kill = { atCount: Math.floor(files.length * killAtShare), noticed: null as Promise<number> | null };
    const showProgress = progress(files.length);
    const mapStartedAtMs = performance.now();
    const run = startMap({
      files,
      addresses: cluster.nodes.filter((node) => node !== victim).map(({ client }) => client),
      onResult: (count) => {
        showProgress(count);
        if (count < kill.atCount || kill.noticed !== null) return;
        kill.noticed = killAndWatch(cluster, victim);
        kill.noticed.catch(() => {}); // It is awaited below, once the map is through.
      },
    });
    const results = await run.results;
    const mapMs = performance.now() - mapStartedAtMs;
    const noticedMs = await kill.noticed;
    if (noticedMs === null) throw new Error('the map was over before the kill');
    say('\nComparing with sha256sum ...');
    const faults = compare(files, results, await sumsBySha256sum(files));
    await showTable(front, results);
    await showSummary({ front, victim, results, mapMs, noticedMs, files: files.length });
    for (const fault of faults.slice(0, 20)) say(`WRONG: ${fault}`);
    if (faults.length > 0) throw new Error(`${faults.length} of ${files.length} files have no right sum`);
    say(
      `Every file has one outcome, and every sum equals that of sha256sum. All in ${seconds(performance.now() - startedAtMs)}.`,
    );
  } finally {
    await cluster.stop();
  }
}

/** Kills the node, and gives the time until every other node calls it dead. */
function killAndWatch(cluster: Cluster, victim: ClusterNode): Promise<number> {
  victim.kill('SIGKILL');
  say(`\nkill -9 ${victim.pid}: ${victim.name} is gone`);
  return untilState(
    cluster.nodes.filter((node) => node !== victim),
    victim.name,
    'dead',
  );
}

function compare(
  files: readonly string[],
  results: readonly SumResult[],
  sums: Map<string, string>,
): string[] {
  const faults: string[] = [];
  if (results.length !== files.length) faults.push(`${results.length} results for ${files.length} files`);
  for (const [index, file] of files.entries()) {
    const result = results[index];
    if (result?.file !== file)
      faults.push(`${file}: the result in its place is for ${result?.file ?? 'nothing'}`);
    else if (result.sha256 !== sums.get(file))
      faults.push(`${file}: ${result.sha256}, and not ${sums.get(file)}`);
  }
  return faults;
}

async function showTable(front: ClusterNode, results: readonly SumResult[]): Promise<void> {
  const members = await membersAt(front);
  const table = new Table({ head: ['node', 'state', 'jobs run', 'share'], style: { head: [], border: [] } });
  for (const name of names) {
    const count = results.filter(({ node }) => node === name).length;
    const state = members.find((member) => member.name === name)?.state ?? 'unknown';
    table.push([name, state, String(count), `${((count / results.length) * 100).toFixed(1)} %`]);
  }
  say(table.toString());
}

interface Summary {
  readonly front: ClusterNode;
  readonly victim: ClusterNode;
  readonly results: readonly SumResult[];
  readonly mapMs: number;
  readonly noticedMs: number;
  readonly files: number;
}

async function showSummary({ front, victim, results, mapMs, noticedMs, files }: Summary): Promise<void> {
  const again = results.filter(({ attempt }) => attempt > 1).length;
  const rate = Math.round(files / (mapMs / 1000));
  say(`${files} jobs in ${seconds(mapMs)}: ${rate} jobs/s over the line protocol.`);
  say(`${victim.name} was known dead by both others ${Math.round(noticedMs)} ms after the kill.`);
  say(`${again} jobs were on their way at ${victim.name}, and ran again elsewhere.`);
  const failed = await request(front, 'JOBS state=failed limit=1');
  if (failed !== 'OK []') throw new Error(`there are failed jobs: ${failed}`);
}

/** On a terminal one line that counts up; elsewhere a line a quarter. */
function progress(total: number): (count: number) => void {
  let shownQuarter = 0;
  let shownAtMs = 0;
  return (count) => {
    if (process.stdout.isTTY && (count === total || performance.now() - shownAtMs > 100)) {
      shownAtMs = performance.now();
      process.stdout.write(`\r  ${count} of ${total}`);
      if (count === total) process.stdout.write('\n');
    }
    const quarter = Math.floor((count / total) * 4);
    if (!process.stdout.isTTY && quarter > shownQuarter) say(`  ${count} of ${total}`);
    shownQuarter = Math.max(shownQuarter, quarter);
  };
}

/** Whatever was started ends with this process, and what was written is removed, however it exits. */
function endInTime(): void {
  const end = (reason: string, exitCode: number): void => {
    process.stderr.write(`\n${reason}\n`);
    process.exit(exitCode);
  };
  process.once('SIGINT', () => end('Interrupted.', 130));
  process.once('SIGTERM', () => end('Ended by SIGTERM.', 143));
  setTimeout(() => end(`The demo took longer than ${seconds(demoTimeoutMs)}.`, 1), demoTimeoutMs).unref();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

main().catch((error: unknown) => {
  process.stderr.write(`demo: ${(error as Error).message}\n`);
  process.exitCode = 1;
});
