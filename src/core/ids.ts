/** 12 characters of `0-9a-v` (60 random bits), made once and kept in the node's data directory. */
export type NodeId = string;
/** 5 characters of `0-9a-v`, new at every start of a node's process: tells a restart from a refutation. */
export type InstanceId = string;
/** `<owner's NodeId>-<owner's InstanceId>-<counter in base 36>`, or `key-<26 characters>` for a job with a key. */
export type JobId = string;
/** A connection to a peer that has shown its hello, numbered by the net layer; never used twice in a process. */
export type LinkId = number;
/** A request of a client, numbered by the net layer; never used twice in a process. */
export type RequestId = number;
/** One attempt on this executor, numbered by the executor; never used twice in a process. */
export type RunId = number;

export const nodeIdPattern = /^[0-9a-v]{12}$/;
export const instanceIdPattern = /^[0-9a-v]{5}$/;
export const jobIdPattern = /^(?:[0-9a-v]{12}-[0-9a-v]{5}-[0-9a-z]{1,11}|key-[0-9a-v]{26})$/;
/** Names of nodes, tasks, tags and tag values: no white space, no `=`, no `,`, nothing that a shell or a log must quote. */
export const namePattern = /^[A-Za-z0-9_.:/-]{1,64}$/;

/** The node that first owned a job, read off its id; null for a job with a key, whose owner follows from the id's hash. */
export function originOf(job: JobId): NodeId | null {
  return job.startsWith('key-') ? null : job.slice(0, 12);
}
