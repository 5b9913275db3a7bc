import type { LogEffect } from '../effects.js';
import type { Hello } from '../hello.js';
import type { NodeId } from '../ids.js';
import type { ContactLoss, JournalState, MemberRecord, Tags, TaskOffer } from '../member.js';
import type { MembershipMessage } from '../messages.js';

/** What the membership core hears. It knows members, not sockets: `links` turns one into the other. */
export type MembershipEvent =
  | { readonly type: 'tick'; readonly lateMs: number }
  /**
   * A link to this node is up; its hello says which instance it is. Comes again when one of several links is gone: what was on its
   * way there may be lost.
   */
  | { readonly type: 'contact_opened'; readonly node: NodeId; readonly hello: Hello }
  /** unreachable: probes through others decide. */
  | {
      readonly type: 'contact_lost';
      readonly node: NodeId;
      readonly reason: ContactLoss;
    }
  /** Another node answers at this member's address: this one is gone from there. */
  | { readonly type: 'address_taken'; readonly node: NodeId; readonly by: NodeId }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: MembershipMessage }
  | { readonly type: 'self_changed'; readonly change: SelfChange }
  /** Members that were known before this start: no news, and so no effects. */
  | { readonly type: 'restored'; readonly members: readonly MemberRecord[] }
  | { readonly type: 'leave' };

export interface SelfChange {
  readonly tags?: Tags;
  readonly tasks?: readonly TaskOffer[];
  readonly draining?: boolean;
  readonly journal?: JournalState;
}

export type MembershipEffect =
  | { readonly type: 'send'; readonly to: NodeId; readonly message: MembershipMessage }
  /** A member is new (`previous` null), or any field of it changed. Forgotten members are told with state `dead` or `left` long before. */
  | { readonly type: 'member_changed'; readonly member: MemberRecord; readonly previous: MemberRecord | null }
  /** To see whether it answers; only where not everybody has a link to everybody. */
  | { readonly type: 'contact_wanted'; readonly node: NodeId }
  /** Others have reached it, and over its own link it has not answered. */
  | { readonly type: 'contact_doubted'; readonly node: NodeId }
  | { readonly type: 'member_forgotten'; readonly member: MemberRecord }
  | LogEffect;
