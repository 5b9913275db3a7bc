import type { NodeCore } from '../core/node/node-core.js';
import type { Readiness } from '../http/http-server.js';
import type { NodeConfig } from './config.js';

/** Whether this node should be given work. `isFindingOthers`: it was restarted just now, and knows where others may be. */
export function readinessOf(core: NodeCore, config: NodeConfig, isFindingOthers: boolean): Readiness {
  if (core.self().draining) return { ready: false, reason: 'draining' };
  const isAlone = core.countMembers().alive + core.countMembers().suspect <= 1;
  if (config.join.length > 0 && isAlone) return { ready: false, reason: 'joining: no seed has answered yet' };
  if (isFindingOthers && isAlone)
    return { ready: false, reason: 'joining: no node that it knew has answered yet' };
  return { ready: true, reason: 'ready' };
}
