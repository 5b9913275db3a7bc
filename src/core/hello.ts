import type { InstanceId, NodeId } from './ids.js';

/** The first frame on a link, from both sides at once. A link exists once both hellos are accepted. */
export interface Hello {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly cluster: string;
  readonly node: NodeId;
  readonly instance: InstanceId;
  readonly incarnation: number;
  readonly name: string;
  /** Where this node's peers dial it, `host:port`. */
  readonly address: string;
}

export const peerProtocolVersionMin = 1;
export const peerProtocolVersionMax = 1;

/** Why a link was refused or ended on purpose; sent in a goodbye, so that the other side can say it too. */
export type GoodbyeReason =
  | 'leaving'
  | 'duplicate_link'
  | 'idle'
  | 'wrong_cluster'
  | 'version_mismatch'
  | 'self_link'
  | 'id_conflict'
  | 'replaced'
  | 'protocol_error'
  | 'too_many_links'
  /** The node has more links than it needs. */
  | 'spare';

export const goodbyeReasons: readonly GoodbyeReason[] = [
  'leaving',
  'duplicate_link',
  'idle',
  'wrong_cluster',
  'version_mismatch',
  'self_link',
  'id_conflict',
  'replaced',
  'protocol_error',
  'too_many_links',
  'spare',
];
