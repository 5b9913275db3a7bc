import { setTimeout as delay } from 'node:timers/promises';
import type { Pace } from '../contender-process.js';
import type { Contender } from '../figures.js';
import { commandOf, measureIdle, runPeer, tell } from './peer-measures.js';
import { freePort, host, type Program, programPath, startServer } from './peer-programs.js';

const agentCount = 8;
const joinLimitMs = 30_000;

export const serf: readonly Contender[] = [
  {
    system: 'serf',
    name: 'serf',
    settings: `${agentCount} agents of serf with its LAN profile (the default), bound to 127.0.0.1; "join seen by all" is from the start of a further one until all others know of it.`,
    workloads: ['k'],
    command: commandOf(import.meta.url, 'lan'),
  },
];

interface Agent extends Program {
  readonly port: number;
  /** Whom it has seen join. */
  readonly seen: ReadonlySet<string>;
}

async function startAgent(name: string, joined?: Agent): Promise<Agent> {
  const port = await freePort();
  const rpcPort = await freePort();
  const args = ['agent', `-node=${name}`, `-bind=${host}:${port}`, `-rpc-addr=${host}:${rpcPort}`];
  args.push('-profile=lan', '-log-level=info');
  if (joined !== undefined) args.push(`-join=${host}:${joined.port}`);
  const seen = new Set<string>();
  const program = await startServer({
    name,
    file: programPath('serf'),
    args,
    ready: /Serf agent running!/,
    onLine: (line) => {
      const who = /serf: EventMemberJoin: (\S+)/.exec(line)?.[1];
      if (who !== undefined) seen.add(who);
    },
  });
  return { ...program, port, seen };
}

async function untilSeen(agents: readonly Agent[], names: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + joinLimitMs;
  while (!agents.every(({ seen }) => names.every((name) => seen.has(name)))) {
    if (performance.now() > deadlineMs)
      throw new Error(`the agents don't all know each other after ${joinLimitMs / 1_000} s`);
    await delay(2);
  }
}

async function measureAgents(_: string, pace: Pace): Promise<void> {
  const agents: Agent[] = [];
  for (let index = 1; index <= agentCount; index++)
    agents.push(await startAgent(`agent-${index}`, agents[0]));
  const names = agents.map(({ name }) => name);
  await untilSeen(agents, names);
  await measureIdle({ idle: agents }, pace);
  const startedAtMs = performance.now();
  await startAgent('late', agents[0]);
  await untilSeen(agents, ['late']);
  const value = performance.now() - startedAtMs;
  tell({ workload: 'k', row: 'join seen by all', metric: 'ready', unit: 'ms', value });
}

runPeer(import.meta.url, { measurements: { k: measureAgents } });
