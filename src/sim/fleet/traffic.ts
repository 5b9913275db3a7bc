import type { PeerMessageType } from '../../core/messages.js';

/** What is counted apart: each message by its type, and what opens and ends links. */
export type TrafficKind = PeerMessageType | 'hello' | 'goodbye';

export interface KindTraffic {
  messages: number;
  bytes: number;
}

/** What each node has sent: frames, each counted as it is handed to its link, without what TLS, TCP and IP add to it. */
export class Traffic {
  readonly messagesOf: Float64Array;
  readonly bytesOf: Float64Array;
  readonly kinds = new Map<TrafficKind, KindTraffic>();

  constructor(nodesMax: number) {
    this.messagesOf = new Float64Array(nodesMax);
    this.bytesOf = new Float64Array(nodesMax);
  }

  count(node: number, kind: TrafficKind, bytes: number): void {
    this.messagesOf[node] = (this.messagesOf[node] as number) + 1;
    this.bytesOf[node] = (this.bytesOf[node] as number) + bytes;
    let traffic = this.kinds.get(kind);
    if (traffic === undefined) {
      traffic = { messages: 0, bytes: 0 };
      this.kinds.set(kind, traffic);
    }
    traffic.messages++;
    traffic.bytes += bytes;
  }
}
