import type { LogEffect } from '../effects.js';
import type { Hello } from '../hello.js';
import type { NodeId } from '../ids.js';
import type { MemberRecord, Tags, TaskOffer } from '../member.js';
import type { MembershipMessage } from '../messages.js';

/** What the membership core hears. It knows members, not sockets: `links` turns one into the other. */
export type MembershipEvent =
  | { readonly type: 'tick'; readonly lateMs: number }
  /** A link to this node is up and settled; its hello says which instance it is. */
  | { readonly type: 'contact_opened'; readonly node: NodeId; readonly hello: Hello }
  /** refused: nobody listens at its address any more; reset: the link broke; goodbye: it said it leaves. */
  | {
      readonly type: 'contact_lost';
      readonly node: NodeId;
      readonly reason: 'reset' | 'refused' | 'goodbye' | 'unreachable';
    }
  /** Another node answers at this member's address: this one is gone from there. */
  | { readonly type: 'address_taken'; readonly node: NodeId; readonly by: NodeId }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: MembershipMessage }
  | { readonly type: 'self_changed'; readonly change: SelfChange }
  | { readonly type: 'leave' };

export interface SelfChange {
  readonly tags?: Tags;
  readonly tasks?: readonly TaskOffer[];
  readonly draining?: boolean;
}

export type MembershipEffect =
  | { readonly type: 'send'; readonly to: NodeId; readonly message: MembershipMessage }
  /** A member is new (`previous` null), or any field of it changed. Forgotten members are told with state `dead` or `left` long before. */
  | { readonly type: 'member_changed'; readonly member: MemberRecord; readonly previous: MemberRecord | null }
  | { readonly type: 'member_forgotten'; readonly member: MemberRecord }
  | LogEffect;
