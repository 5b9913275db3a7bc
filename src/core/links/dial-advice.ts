import { assertNever } from '../assert.js';
import type { DialFailure } from '../effects.js';
import type { GoodbyeReason } from '../hello.js';

/** Why an address could not be joined. */
export interface DialTrouble {
  readonly reason: DialFailure;
  readonly detail: string;
  readonly goodbye: GoodbyeReason | null;
}

/** Whether trying again soon makes sense: nothing listens there yet, rather than somebody who says no. */
export function mayPassSoon({ reason }: DialTrouble): boolean {
  return reason !== 'wrong_key' && reason !== 'rejected' && reason !== 'protocol_error';
}

/** A sentence that says what is wrong with a seed and what to do about it. */
export function dialAdvice(address: string, { reason, detail, goodbye }: DialTrouble): string {
  switch (reason) {
    case 'refused':
      return `Seed ${address} refuses the connection: no node listens there. Start it, or correct --join.`;
    case 'unreachable':
      return `Seed ${address} can't be reached (${detail}). Check the address, the network and the firewall.`;
    case 'timeout':
      return `Seed ${address} doesn't answer in time. Check the address and the firewall, and that the node isn't stopped.`;
    case 'unresolved':
      return `The name of seed ${address} doesn't resolve (${detail}). Check its spelling in --join, and the DNS.`;
    case 'wrong_key':
      return `Seed ${address} has another cluster key. Give both nodes the same --key-file.`;
    case 'protocol_error':
      return `What answers at seed ${address} is no peer port of a node (${detail}). Give --join the peer port, not the client's or HTTP's.`;
    case 'reset':
      return `Seed ${address} broke the connection off (${detail}). If it goes on, see that node's log.`;
    case 'rejected':
      return rejectionAdvice(address, goodbye, detail);
    default:
      return assertNever(reason);
  }
}

function rejectionAdvice(address: string, goodbye: GoodbyeReason | null, detail: string): string {
  switch (goodbye) {
    case 'wrong_cluster':
      return `Seed ${address} belongs to another cluster (${detail}). Correct --join, or give both nodes the same cluster name.`;
    case 'version_mismatch':
      return `Seed ${address} speaks no version of the peer protocol that this node speaks (${detail}). Upgrade the older one.`;
    case 'too_many_links':
      return `Seed ${address} has as many links as it may. Join by another node.`;
    case 'leaving':
      return `Seed ${address} is leaving the cluster. Join by another node.`;
    default:
      return `Seed ${address} turned this node away (${goodbye ?? detail}). See that node's log.`;
  }
}

/** What somebody has to do whose node runs with an id that is in use. */
export function idConflictAdvice(id: string): string {
  return (
    `Another running node uses this node's id ${id}: its data directory was probably copied. ` +
    'Give this node a data directory of its own with --data.'
  );
}
