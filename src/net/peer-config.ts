import { limits } from '../core/limits.js';

/** What an operator, or a test, may change about links. */
export interface PeerNetworkConfig {
  readonly dialTimeoutMs: number;
  readonly helloTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly silenceMs: number;
  readonly linksMax: number;
  readonly handshakesMax: number;
  readonly queueBytesHigh: number;
  readonly queueBytesLow: number;
  readonly queueBytesMax: number;
}

export const defaultPeerNetworkConfig: PeerNetworkConfig = {
  dialTimeoutMs: limits.dialTimeoutMs,
  helloTimeoutMs: limits.helloTimeoutMs,
  closeTimeoutMs: limits.linkCloseTimeoutMs,
  silenceMs: limits.linkSilenceMs,
  linksMax: limits.peerLinksMax,
  handshakesMax: limits.peerHandshakesMax,
  queueBytesHigh: limits.linkQueueBytesHigh,
  queueBytesLow: limits.linkQueueBytesLow,
  queueBytesMax: limits.linkQueueBytesMax,
};
