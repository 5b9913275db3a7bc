import type { NodeId } from '../ids.js';
import type { MemberRecord } from '../member.js';

/** What the job core knows of the cluster, kept by membership. */
export interface MemberView {
  self(): MemberRecord;
  get(node: NodeId): MemberRecord | undefined;
  all(): Iterable<MemberRecord>;
}
