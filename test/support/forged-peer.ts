import net from 'node:net';
import type { GoodbyeReason, Hello } from '../../src/core/hello.js';
import type { MemberRecord } from '../../src/core/member.js';
import type { PeerMessage } from '../../src/core/messages.js';
import { Reassembler } from '../../src/protocol/frame-chunks.js';
import { FrameDecoder } from '../../src/protocol/frame-decoder.js';
import { decodeChunked, decodeFrame, encodeHello, encodeMessage } from '../../src/protocol/peer-codec.js';
import type { ClusterNode } from './cluster.js';
import { parseAddress } from './line-connection.js';

/** A peer that speaks the protocol and says what a test makes it say. Its link counts as soon as this is there. */
export interface ForgedPeer {
  readonly hello: Hello;
  /** What the node said, its hello aside, in order. */
  readonly heard: PeerMessage[];
  /** Sends a message as a node would; resolves when the socket has taken it. */
  send(message: PeerMessage): Promise<void>;
  /** Sends these bytes as they are. */
  sendBytes(bytes: Uint8Array): Promise<void>;
  /** The first message of this type from now on or before; a test awaits it to know that the node has read so far. */
  first<Type extends PeerMessage['type']>(
    type: Type,
    matches?: (message: Extract<PeerMessage, { type: Type }>) => boolean,
  ): Promise<Extract<PeerMessage, { type: Type }>>;
  /** Resolves when the node has read everything that was sent before: it has answered a ping that came after it. */
  untilRead(): Promise<void>;
  /** Resolves when the connection is gone, to the reason of the node's goodbye. */
  readonly closed: Promise<GoodbyeReason | null>;
  close(): void;
}

export interface ForgedPeerOptions {
  readonly hello?: Partial<Hello>;
  /** Called for each message; by default pings are answered. */
  readonly answer?: (message: PeerMessage, peer: ForgedPeer) => void;
}

/** An id that no node draws by chance: zeros, and this number. */
export function forgedId(number: number): string {
  return number.toString(32).padStart(12, '0');
}

export function forgedHello(changes: Partial<Hello> = {}): Hello {
  return {
    versionMin: 1,
    versionMax: 1,
    cluster: 'rondo',
    node: forgedId(1),
    instance: 'forge',
    incarnation: 2 ** 20,
    name: 'forged',
    address: '127.0.0.1:9',
    ...changes,
  };
}

/** A member that nobody ever saw; nothing listens at its address. */
export function inventedMember(number: number, changes: Partial<MemberRecord> = {}): MemberRecord {
  return {
    id: forgedId(number),
    name: `invented-${number}`,
    instance: 'ghost',
    incarnation: 2 ** 20,
    state: 'alive',
    address: '127.0.0.1:9',
    client: '127.0.0.1:9',
    tags: [],
    tasks: [{ name: 'echo' }],
    draining: false,
    ...changes,
  };
}

/** Connects to a node without a key, and resolves once the node has said its hello. */
export async function forgePeer(
  node: Pick<ClusterNode, 'peer'>,
  options: ForgedPeerOptions = {},
): Promise<ForgedPeer> {
  const hello = forgedHello(options.hello);
  const socket = net.connect({ ...parseAddress(node.peer), noDelay: true });
  const decoder = new FrameDecoder();
  const reassembler = new Reassembler();
  const watchers = new Set<() => void>();
  const heard: PeerMessage[] = [];
  let goodbye: GoodbyeReason | null = null;
  let pings = 1_000_000;
  const answer = options.answer ?? answerPing;
  const closed = new Promise<GoodbyeReason | null>((resolve) => socket.on('close', () => resolve(goodbye)));
  const hear = (message: PeerMessage): void => {
    heard.push(message);
    answer(message, peer);
    for (const watcher of [...watchers]) watcher();
  };
  const sendBytes = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      if (socket.destroyed) resolve();
      else socket.write(bytes, () => resolve());
    });
  const first: ForgedPeer['first'] = (type, matches = () => true) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = heard.find(
          (message): message is Extract<PeerMessage, { type: typeof type }> =>
            message.type === type && matches(message as Extract<PeerMessage, { type: typeof type }>),
        );
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      void closed.then((reason) => reject(new Error(`the link was closed (${reason}) without a ${type}`)));
      watchers.add(look);
      look();
    });
  const peer: ForgedPeer = {
    hello,
    heard,
    send: (message) => sendBytes(encodeMessage(message)),
    sendBytes,
    first,
    untilRead: async () => {
      const seq = pings++;
      await peer.send({ type: 'ping', seq, rumours: [] });
      await first('ack', (ack) => ack.seq === seq);
    },
    closed,
    close: () => void socket.destroy(),
  };
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed before its hello')));
    socket.on('data', (chunk: Buffer) =>
      decoder.feed(chunk, (bytes, start, end) => {
        const frame = decodeFrame(bytes, start, end);
        if (frame.type === 'hello') resolve();
        else if (frame.type === 'goodbye') goodbye = frame.reason;
        else if (frame.type === 'message') hear(frame.message);
        else if (frame.type === 'chunk') {
          const whole = reassembler.add(frame.piece, frame.remaining);
          const message = whole === null ? null : decodeChunked(whole);
          if (message !== null) hear(message);
        }
        return true;
      }),
    );
    socket.write(encodeHello(hello));
  });
  return peer;
}

/** What keeps a link: the rest a forged peer leaves unanswered unless it is told to. */
export function answerPing(message: PeerMessage, peer: ForgedPeer): void {
  if (message.type === 'ping') void peer.send({ type: 'ack', seq: message.seq, rumours: [] });
}
