import type { GoodbyeReason, Hello } from '../hello.js';
import type { MemberRecord } from '../member.js';
import type { OpenLink } from './link-table.js';

/** What is known when a link shows its hello. */
export interface AdmissionView {
  /** The link that this node has to the same id, if any. */
  readonly current: OpenLink | null;
  readonly member: MemberRecord | undefined;
  readonly linkCount: number;
  readonly linksMax: number;
}

/** Why a new link may not stay; null if it may. */
export function refusalOf(hello: Hello, view: AdmissionView): GoodbyeReason | null {
  const { current, member } = view;
  if (current === null) return view.linkCount >= view.linksMax ? 'too_many_links' : null;
  // A restart comes back at the same address, or after the old link broke. What is left is a second node with a copied id.
  const isOtherInstance = current.hello.instance !== hello.instance;
  const isElsewhere = current.hello.address !== hello.address;
  const isHealthy = member === undefined || member.state === 'alive';
  return isOtherInstance && isElsewhere && isHealthy ? 'id_conflict' : null;
}
