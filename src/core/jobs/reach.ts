import type { NodeId } from '../ids.js';

/** In a large cluster not every node has a link to every other: what the job core knows of that, and can do about it. */
export interface Reach {
  /** It was told where others may be: who is alone has not found them yet. */
  readonly seeksOthers: boolean;
  /** Whether there is a link to that node now. */
  hasLink(node: NodeId): boolean;
  /** Whether members may be without a link. */
  isSparse(): boolean;
  /** Asks for a link to a member; `contact_opened` comes when it is there. Asking twice is asking once. */
  want(node: NodeId): void;
}

/** Every node has a link to every other. */
export const fullReach: Reach = {
  seeksOthers: false,
  hasLink: () => true,
  isSparse: () => false,
  want: () => {},
};
