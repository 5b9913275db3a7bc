import type { Hello } from '../hello.js';
import type { InstanceId, LinkId, NodeId } from '../ids.js';
import type { NodeNumbers } from '../node-map.js';
import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';
import type { LinksEffect, LinksEvent } from './events.js';

/** Which links a node keeps: whom it dials and when, and which of two links to a node counts. */
export interface Links {
  step(event: LinksEvent, nowMs: number): LinksEffect[];
  nextDeadlineMs(): number;
  /** The link to send on, or null. */
  linkTo(node: NodeId): LinkId | null;
  /** Work was sent to that node, or came from it. */
  used(node: NodeId): void;
  /** Whether members are left without a link. */
  readonly isSparse: boolean;
  /** Whose link it is; also of one that lost and is about to be closed, for what still arrives on it. */
  helloOf(link: LinkId): Hello | null;
  count(): number;
}

export interface LinksOptions {
  readonly self: { readonly id: NodeId; readonly instance: InstanceId; readonly address: string };
  readonly seeds: readonly string[];
  /** Where other nodes were when this one ran last: dialled as seeds are, and let go of once anybody is found. */
  readonly knownPeers?: readonly string[];
  readonly config: LinksConfig;
  readonly random: Random;
  readonly numbers?: NodeNumbers | null;
}
