import type { LinkCloseReason } from '../effects.js';
import type { GoodbyeReason } from '../hello.js';
import type { ContactLoss } from '../member.js';
import type { LinkEnd } from './mesh.js';

/** What the end of a node's last link says about the node. */
export function lossOf(reason: LinkCloseReason, goodbye: GoodbyeReason | null): ContactLoss {
  if (goodbye === 'leaving') return 'goodbye';
  return reason === 'reset' ? 'reset' : 'unreachable';
}

/** What it means for the next dial; null: none. */
export function endOf(reason: LinkCloseReason, goodbye: GoodbyeReason | null): LinkEnd | null {
  if (goodbye === 'leaving') return null;
  // The peer took this node for dead: the sooner it hears otherwise, the better.
  if (goodbye !== null && goodbye !== 'idle') return 'turned_away';
  return reason === 'reset' ? 'reset' : 'closed';
}
