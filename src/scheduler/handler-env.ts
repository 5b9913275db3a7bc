/**
 * The environment that handlers and commands see: a copy, without what opens the cluster. The cluster's key and the
 * clients' token are the node's own, and a task has no more rights than any client.
 */
export function handlerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSecret(name)));
}

function isSecret(name: string): boolean {
  return /^RONDO_.*(?:KEY|TOKEN)/i.test(name);
}
