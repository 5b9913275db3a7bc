import type { NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobRecord } from '../core/jobs/record.js';
import type { Membership } from '../core/membership/membership.js';
import type { SimNode } from './sim-node.js';

/** What looks into simulated nodes, or spoils them on purpose. The nodes' own cores know nothing of it. */
export interface SimHooks {
  /** A node is about to start. */
  created?(node: SimNode): void;
  /** Puts something around the membership core of a node that is about to start. */
  wrapMembership?(node: SimNode, membership: Membership): Membership;
  /** A node has accepted an outcome of a job that it owns; `isAdopted`: an earlier owner may have accepted the same one. */
  outcome?(node: SimNode, record: JobRecord, isAdopted: boolean): void;
  /** A node has taken one step, and its effects are about to be performed. */
  stepped?(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void;
}
