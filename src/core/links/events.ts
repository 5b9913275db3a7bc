import type { LogEffect, NodeEffect, NodeEvent } from '../effects.js';
import type { Hello } from '../hello.js';
import type { LinkId, NodeId } from '../ids.js';
import type { ContactLoss, MemberRecord } from '../member.js';
import type { LinkPurpose } from './mesh.js';

/** What the links core hears: from the network as it is, and from membership. */
export type LinksEvent =
  | Extract<NodeEvent, { type: 'tick' | 'link_opened' | 'link_closed' | 'dial_failed' }>
  | { readonly type: 'member_changed'; readonly member: MemberRecord }
  /** Others than this node itself. */
  | { readonly type: 'members_restored'; readonly members: readonly MemberRecord[] }
  | { readonly type: 'member_forgotten'; readonly node: NodeId }
  /** A link to a member is wanted that a sparse mesh may not have. */
  | { readonly type: 'link_wanted'; readonly node: NodeId; readonly purpose: LinkPurpose }
  /** This node leaves: no more dials. The network says goodbye when it shuts down. */
  | { readonly type: 'leaving' };

/**
 * `contact_opened` says that there is a link to a node, and that what was sent to it or by it before may be lost: it comes with a node's
 * first link, and again whenever one of several is gone. `contact_lost` comes with the end of the last.
 */
export type LinksEffect =
  | Extract<NodeEffect, { type: 'dial' | 'close_link' | 'watch_link' | 'fatal' }>
  | { readonly type: 'contact_opened'; readonly node: NodeId; readonly link: LinkId; readonly hello: Hello }
  /** `refused` alone may follow another loss: the dial after it found nobody listening. `link` is then the one that was lost. */
  | {
      readonly type: 'contact_lost';
      readonly node: NodeId;
      readonly link: LinkId | null;
      readonly reason: ContactLoss;
    }
  | { readonly type: 'address_taken'; readonly node: NodeId; readonly by: NodeId }
  | LogEffect;
