import type { Hello } from '../../core/hello.js';
import type { MemberRecord } from '../../core/member.js';
import type { PeerMessage, Rumour } from '../../core/messages.js';
import { encodeHello, encodeMessage } from '../../protocol/peer-codec.js';

type Listed = { readonly rumours?: readonly Rumour[]; readonly members?: readonly MemberRecord[] };

/**
 * How many bytes messages take as frames, to the byte, without encoding each: records and rumours travel many times, and what one
 * adds to a frame is always the same. It is looked up by identity, so it is worth most where nodes share their records.
 */
export class MessageSizes {
  readonly #ofMember = new WeakMap<MemberRecord, number>();
  readonly #ofRumour = new WeakMap<Rumour, number>();
  readonly #ofOther = new WeakMap<PeerMessage, number>();
  readonly #ofSignal = new Map<number, number>();

  of(message: PeerMessage): number {
    switch (message.type) {
      case 'ping':
      case 'ack':
      case 'nack':
        return this.#ofSignalTo(message.type, message.seq) + this.#ofRumours(message.rumours);
      case 'gossip':
        return emptyGossipBytes + this.#ofRumours(message.rumours);
      default:
        return this.#ofAny(message);
    }
  }

  ofHello(hello: Hello): number {
    return encodeHello(hello).length;
  }

  /** A probe's messages differ in their number alone, and only its length counts. */
  #ofSignalTo(type: 'ping' | 'ack' | 'nack', seq: number): number {
    const key = integerBytes(seq) * 4 + (type === 'ping' ? 0 : type === 'ack' ? 1 : 2);
    let bytes = this.#ofSignal.get(key);
    if (bytes === undefined) {
      bytes = encodeMessage({ type, seq, rumours: [] }).length;
      this.#ofSignal.set(key, bytes);
    }
    return bytes;
  }

  #ofAny(message: PeerMessage): number {
    let bytes = this.#ofOther.get(message);
    if (bytes !== undefined) return bytes;
    const { rumours, members } = message as Listed;
    const bare = { ...message, ...(rumours && { rumours: [] }), ...(members && { members: [] }) };
    bytes = encodeMessage(bare as PeerMessage).length;
    if (rumours !== undefined) bytes += this.#ofRumours(rumours);
    if (members !== undefined) bytes += this.#ofMembers(members);
    this.#ofOther.set(message, bytes);
    return bytes;
  }

  #ofRumours(rumours: readonly Rumour[]): number {
    if (rumours.length === 0) return 0;
    let bytes = arrayHeaderBytes(rumours.length) - 1;
    for (const rumour of rumours) {
      // A node makes a rumour of its own for a record that it shares with all others.
      if (rumour.type === 'alive') bytes += 2 + this.#ofRecord(rumour.member);
      else bytes += this.#ofOneRumour(rumour);
    }
    return bytes;
  }

  #ofMembers(members: readonly MemberRecord[]): number {
    if (members.length === 0) return 0;
    let bytes = arrayHeaderBytes(members.length) - 1;
    for (const member of members) bytes += this.#ofRecord(member);
    return bytes;
  }

  #ofOneRumour(rumour: Rumour): number {
    let bytes = this.#ofRumour.get(rumour);
    if (bytes === undefined) {
      bytes = encodeMessage({ type: 'gossip', rumours: [rumour] }).length - emptyGossipBytes;
      this.#ofRumour.set(rumour, bytes);
    }
    return bytes;
  }

  #ofRecord(member: MemberRecord): number {
    let bytes = this.#ofMember.get(member);
    if (bytes === undefined) {
      const whole = encodeMessage({ type: 'gossip', rumours: [{ type: 'alive', member }] }).length;
      // The rumour around it is an array of two and its kind.
      bytes = whole - emptyGossipBytes - 2;
      this.#ofMember.set(member, bytes);
    }
    return bytes;
  }
}

const emptyGossipBytes = encodeMessage({ type: 'gossip', rumours: [] }).length;

/** msgpack's array header; `encodeMessage` of an empty list has the shortest one already. */
function arrayHeaderBytes(length: number): number {
  return length < 16 ? 1 : length < 65_536 ? 3 : 5;
}

/** msgpack's unsigned integer. */
function integerBytes(value: number): number {
  if (value < 128) return 1;
  return value < 256 ? 2 : value < 65_536 ? 3 : value < 2 ** 32 ? 5 : 9;
}
