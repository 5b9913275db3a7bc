import type { JobsConfig } from '../core/jobs/config.js';
import { defaultJobsConfig } from '../core/jobs/config.js';
import { defaultLinksConfig, type LinksConfig } from '../core/links/config.js';
import { defaultMembershipConfig, type MembershipConfig } from '../core/membership/config.js';
import { type ClientServerLimits, defaultClientServerLimits } from '../net/line-server.js';
import type { CommandTask } from '../scheduler/command-runner.js';
import type { NodeConfig } from './config.js';

/** What an operator has set, in the cores' own words; what cannot be set keeps its default. */
export function membershipConfig({ membership }: NodeConfig): MembershipConfig {
  return {
    ...defaultMembershipConfig,
    probeIntervalMs: membership.probeIntervalMs,
    probeTimeoutMs: membership.probeTimeoutMs,
    indirectProbes: membership.indirectProbes,
    suspicionMultiplier: membership.suspicionMultiplier,
    suspicionMaxFactor: membership.suspicionMaxMultiplier,
    retransmitMultiplier: membership.retransmitMultiplier,
    digestIntervalMs: membership.digestIntervalMs,
    deadGossipMs: membership.gossipToDeadMs,
    forgetMs: membership.forgetAfterMs,
    healthScoreMax: membership.localHealthMax,
  };
}

export function linksConfig({ membership }: NodeConfig): LinksConfig {
  return { ...defaultLinksConfig, deadRedialMs: membership.reconnectIntervalMs };
}

export function jobsConfig({ jobs, concurrency }: NodeConfig): JobsConfig {
  const { backoffMaxMs, ...rest } = jobs;
  return { ...defaultJobsConfig, ...rest, backoffMsMax: backoffMaxMs, concurrency };
}

export function clientLimits({ limits }: NodeConfig): ClientServerLimits {
  return {
    ...defaultClientServerLimits,
    lineBytesMax: limits.lineBytesMax,
    bodyBytesMax: limits.bodyBytesMax,
    requestsInFlightMax: limits.requestsInFlightMax,
    connectionsMax: limits.clientConnectionsMax,
    replyBytesMax: limits.replyBytesMax,
    replyBytesTotalMax: limits.replyBytesTotalMax,
    receivingBytesMax: limits.receivingBytesMax,
  };
}

/** Command tasks as the scheduler takes them: what was not set is absent. */
export function commandTasks({ commands }: NodeConfig): CommandTask[] {
  return commands.map(({ name, command, env, cwd, timeoutMs, concurrency, retries, stream }) => ({
    name,
    command,
    cwd,
    env: Object.fromEntries(env),
    ...(timeoutMs === null ? {} : { timeoutMs }),
    ...(concurrency === null ? {} : { concurrency }),
    ...(retries === null ? {} : { retries }),
    ...(stream === null ? {} : { stream }),
  }));
}
