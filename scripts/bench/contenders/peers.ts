import type { Contender } from '../figures.js';
import { beanstalkd } from './beanstalkd.js';
import { bullmq } from './bullmq.js';
import { dask } from './dask.js';
import { gearman } from './gearman.js';
import { moleculer } from './moleculer.js';
import { nats } from './nats.js';
import {
  type DebianAccess,
  debianAccess,
  describeMissing,
  installDebianPackages,
  installNpmPackages,
} from './peer-install.js';
import { npmVersion, type PeerNeeds, type ProgramNeed, peerNeeds, programVersion } from './peer-needs.js';
import { piscina } from './piscina.js';
import { serf } from './serf.js';

/** What is measured beside Rondo. */
export const peers: readonly Contender[] = [
  ...gearman,
  ...moleculer,
  ...bullmq,
  ...beanstalkd,
  ...nats,
  ...dask,
  ...piscina,
  ...serf,
];

export interface PreparedPeers {
  /** Of each program and package, as it says itself. */
  readonly versions: Readonly<Record<string, string>>;
  /** Systems that can't be measured here, and why. */
  readonly missing: readonly { readonly system: string; readonly reason: string }[];
}

/** Installs what these systems need and isn't there. Systems that are no peers need nothing. */
export async function preparePeers(systems: readonly string[], signal?: AbortSignal): Promise<PreparedPeers> {
  const wanted = Object.entries(peerNeeds).filter(([system]) => systems.includes(system));
  const versions = new Map<string, string>();
  const programs = [...new Set(wanted.flatMap(([, needs]) => needs.programs))];
  const absent = await lookAtPrograms(programs, versions);
  const debian = await installPrograms(absent, versions);
  const needsNpm = wanted.some(([, { npmPackages }]) => npmPackages.length > 0);
  const npmFault = needsNpm ? await installNpmPackages(undefined, signal) : null;
  const missing = wanted.flatMap(([system, needs]) => {
    const reason = faultOf(needs, versions, debian, npmFault);
    return reason === null ? [] : [{ system, reason }];
  });
  return { versions: Object.fromEntries(versions), missing };
}

/** Those that don't tell a version. */
async function lookAtPrograms(
  programs: readonly ProgramNeed[],
  versions: Map<string, string>,
): Promise<ProgramNeed[]> {
  const absent: ProgramNeed[] = [];
  for (const need of programs) {
    const version = await programVersion(need);
    if (version === null) absent.push(need);
    else versions.set(need.name, version);
  }
  return absent;
}

interface DebianOutcome {
  readonly access: DebianAccess;
  readonly errors: string;
}

async function installPrograms(
  absent: readonly ProgramNeed[],
  versions: Map<string, string>,
): Promise<DebianOutcome> {
  if (absent.length === 0) return { access: 'root', errors: '' };
  const access = debianAccess();
  const packages = absent.map(({ debianPackage }) => debianPackage);
  const errors = await installDebianPackages(packages, access);
  await lookAtPrograms(absent, versions);
  return { access, errors };
}

/** Why a system can't be measured; null when it can. Versions of its npm packages are added to the others. */
function faultOf(
  { programs, npmPackages }: PeerNeeds,
  versions: Map<string, string>,
  { access, errors }: DebianOutcome,
  npmFault: string | null,
): string | null {
  const absent = programs.find(({ name }) => !versions.has(name));
  if (absent !== undefined) return describeMissing(absent, access, errors);
  if (npmPackages.length > 0 && npmFault !== null) return npmFault;
  for (const name of npmPackages) versions.set(name, npmVersion(name) ?? 'unknown');
  return null;
}
