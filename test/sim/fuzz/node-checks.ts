import type { NodeId } from '../../../src/core/ids.js';
import type { Debt, DebtKind } from '../../../src/core/jobs/debts.js';
import { isPresent } from '../../../src/core/member.js';
import type { SimCluster } from '../../../src/sim/sim-cluster.js';
import type { SimNode } from '../../../src/sim/sim-node.js';

/** What is kept for a client's request only. Time-outs may stay until they are due. */
const forClients: readonly DebtKind[] = [
  'requests that wait',
  'asks not answered',
  'asks to abandon',
  'submissions that check their key',
  'searches for a job',
  'lists of jobs',
  'requests that stream',
  'requests that follow a job',
];

/** What holds at every node at every moment: totals equal a recount, and each job stands in the one place its state says. */
export function checkBooks(cluster: SimCluster): string[] {
  return [...cluster.nodes.values()].flatMap((node) => (node.status === 'dead' ? [] : checkBooksOf(node)));
}

/** What holds at every node once nothing is left to do: it owes nothing, and keeps nothing for nodes that are not there. */
export function checkQuiet(cluster: SimCluster): string[] {
  return cluster.running().flatMap(checkQuietOf);
}

/** What holds when no client waits for anything, whatever jobs there are. */
export function checkNobodyWaits(cluster: SimCluster): string[] {
  return cluster.running().flatMap(({ name, core }) =>
    core.jobs
      .debts()
      .filter(({ kind, count }) => count > 0 && forClients.includes(kind))
      .map(
        ({ kind, count, node }) => `${name}: ${count} ${kind}${whose(core, node)}, though no client waits`,
      ),
  );
}

function checkBooksOf({ name, core }: SimNode): string[] {
  const { ledger } = core.jobs;
  const { counts, queueBytes, bytes } = ledger.recount();
  const debts = core.jobs.debts();
  const { delayed, queued, running } = countOpen(core);
  const pairs: [what: string, kept: unknown, counted: unknown][] = [
    ['counts', ledger.counts, counts],
    ['queue bytes', ledger.queueBytes, queueBytes],
    ['bytes', ledger.bytes, bytes],
    ['delayed jobs', sumOf(debts, 'starts to come') + sumOf(debts, 'jobs held back'), delayed],
    ['queued jobs', sumOf(debts, 'jobs in line'), queued],
    ['running jobs', sumOf(debts, 'attempts outstanding'), running],
  ];
  return pairs.flatMap(([what, kept, counted]) => {
    const [left, right] = [JSON.stringify(kept), JSON.stringify(counted)];
    return left === right ? [] : [`${name}: ${what} ${left}, by recount ${right}`];
  });
}

/** Jobs that wait for their time, a place or an end here: not those whose outcome is on its way to the holders, or that are handed over. */
function countOpen(core: SimNode['core']): Record<'delayed' | 'queued' | 'running', number> {
  const counts = { delayed: 0, queued: 0, running: 0 };
  for (const { state, outcome, owner } of core.jobs.ledger.values()) {
    const isOpen = outcome === null && owner === core.self().id;
    if (isOpen && (state === 'delayed' || state === 'queued' || state === 'running')) counts[state]++;
  }
  return counts;
}

function checkQuietOf({ name, core }: SimNode): string[] {
  const { jobs } = core;
  const { ledger, executor } = jobs;
  const problems = checkUnfinished(core);
  if (ledger.queueBytes !== 0) problems.push(`${ledger.queueBytes} queue bytes`);
  if (!executor.isEmpty()) problems.push('its executor is not empty');
  for (const { kind, count, node } of jobs.debts()) {
    const member = node === null ? null : core.members().get(node);
    const isKeptForNobody = member === undefined || (member !== null && !isPresent(member));
    if (count > 0) problems.push(`${count} ${kind}${whose(core, node)}`);
    else if (isKeptForNobody)
      problems.push(`an entry of ${kind}${whose(core, node)} (${member?.state ?? 'no member'})`);
  }
  return problems.map((problem) => `${name}: ${problem}`);
}

function checkUnfinished({ jobs }: SimNode['core']): string[] {
  const problems: string[] = [];
  for (const { spec, state, waiters, executor } of jobs.ledger.values()) {
    if (state === 'delayed' || state === 'queued' || state === 'running')
      problems.push(`${spec.id} is ${state} (executor ${executor}, node ${spec.node}, route ${spec.route})`);
    if (waiters !== null) problems.push(`${waiters.length} wait for ${spec.id}, which is ${state}`);
  }
  return problems;
}

function whose(core: SimNode['core'], node: NodeId | null): string {
  return node === null ? '' : ` for ${core.members().get(node)?.name ?? node}`;
}

function sumOf(debts: readonly Debt[], wanted: DebtKind): number {
  return debts.reduce((sum, { kind, count }) => (kind === wanted ? sum + count : sum), 0);
}
