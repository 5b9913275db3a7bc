import { type GoodbyeReason, goodbyeReasons, type Hello } from '../core/hello.js';
import { PeerFault } from './peer-fault.js';
import type { FieldReader } from './peer-fields.js';

/** First field of every hello: whoever sends anything else is no node. */
const protocolName = 'rondo';
const versionMax = 65_535;

/** 'rondo', versionMin, versionMax, cluster, node, instance, incarnation, name, address */
export function encodeHelloFields(hello: Hello): unknown[] {
  return [
    protocolName,
    hello.versionMin,
    hello.versionMax,
    hello.cluster,
    hello.node,
    hello.instance,
    hello.incarnation,
    hello.name,
    hello.address,
  ];
}

export function decodeHello(fields: FieldReader): Hello {
  if (fields.text(protocolName.length) !== protocolName) {
    throw new PeerFault('FIELD_INVALID', `hello: it doesn't say ${protocolName}`);
  }
  const versionMin = fields.integer(1, versionMax);
  return {
    versionMin,
    versionMax: fields.integer(versionMin, versionMax),
    cluster: fields.name(),
    node: fields.nodeId(),
    instance: fields.instanceId(),
    incarnation: fields.incarnation(),
    name: fields.name(),
    address: fields.address(),
  };
}

/** The reason, as its position in `goodbyeReasons`. */
export function encodeGoodbyeFields(reason: GoodbyeReason): unknown[] {
  return [goodbyeReasons.indexOf(reason)];
}

export function decodeGoodbye(fields: FieldReader): GoodbyeReason | null {
  return goodbyeReasons[fields.integer(0, 127)] ?? null;
}

/** Why there can be no link with who says this hello; null when there can. Both sides come to the same answer. */
export function judgeHello(own: Hello, theirs: Hello): GoodbyeReason | null {
  if (theirs.versionMax < own.versionMin || own.versionMax < theirs.versionMin) return 'version_mismatch';
  if (theirs.cluster !== own.cluster) return 'wrong_cluster';
  // Also when it is this node's own hello that somebody sends back.
  if (theirs.node === own.node && theirs.instance === own.instance) return 'self_link';
  return null;
}

/** A refusal in words that say what to do. */
export function explainRefusal(reason: GoodbyeReason, own: Hello, theirs: Hello): string {
  switch (reason) {
    case 'version_mismatch':
      return (
        `${theirs.name} speaks versions ${theirs.versionMin} to ${theirs.versionMax} of the peer protocol, this node ` +
        `${own.versionMin} to ${own.versionMax}: upgrade the older one`
      );
    case 'wrong_cluster':
      return `${theirs.name} belongs to cluster "${theirs.cluster}", this node to "${own.cluster}": check the addresses to join`;
    case 'self_link':
      return "that is this node's own address";
    default:
      return `the link was refused: ${reason}`;
  }
}
