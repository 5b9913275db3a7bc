import net, { type Socket } from 'node:net';
import type { Hello } from '../../src/core/hello.js';
import type { LinkId } from '../../src/core/ids.js';
import type { PeerMessage } from '../../src/core/messages.js';
import { type ClusterKey, generateKey, parseKeys } from '../../src/net/cluster-key.js';
import type { PeerNetworkConfig } from '../../src/net/peer-config.js';
import type { PeerNetwork } from '../../src/net/peer-network.js';
import { createPeerNetwork } from '../../src/net/tcp-peer-network.js';
import { helloOf } from '../protocol/peer-samples.js';

/** What a network has told, in order. */
export type Told =
  | { readonly type: 'opened'; readonly link: LinkId; readonly dialled: string | null; readonly hello: Hello }
  | {
      readonly type: 'closed';
      readonly link: LinkId;
      readonly reason: string;
      readonly goodbye: string | null;
    }
  | {
      readonly type: 'failed';
      readonly address: string;
      readonly reason: string;
      readonly detail: string;
      readonly goodbye: string | null;
    }
  | { readonly type: 'message'; readonly link: LinkId; readonly message: PeerMessage }
  | { readonly type: 'pressure'; readonly link: LinkId; readonly congested: boolean };

export interface TestPeer {
  readonly network: PeerNetwork;
  readonly address: string;
  readonly hello: Hello;
  readonly told: Told[];
  readonly warnings: string[];
  /** Resolves once `found` answers something of what has been told or warned of so far. */
  when<T>(found: (told: readonly Told[]) => T | undefined): Promise<T>;
  /** The first that is told of this type, from now on or before. */
  first<Type extends Told['type']>(type: Type): Promise<Extract<Told, { type: Type }>>;
  /** Called for each message, from inside the listener. */
  onMessage: (link: LinkId, message: PeerMessage) => void;
}

export interface TestPeerOptions {
  readonly hello?: Partial<Hello>;
  readonly keys?: readonly ClusterKey[];
  readonly config?: Partial<PeerNetworkConfig>;
}

let lastPeer = 0;

/** A network that listens on a free port of loopback and writes down what it is told. */
export async function startPeer(options: TestPeerOptions = {}): Promise<TestPeer> {
  const told: Told[] = [];
  const warnings: string[] = [];
  const watchers = new Set<() => void>();
  const tell = (one: Told): void => {
    told.push(one);
    for (const watcher of watchers) watcher();
  };
  const name = `p${++lastPeer}`;
  const hello = helloOf({ node: lastPeer.toString(32).padStart(12, '0'), name, ...options.hello });
  const network = createPeerNetwork({
    host: '127.0.0.1',
    port: 0,
    keys: options.keys ?? [],
    hello: () => hello,
    log: {
      debug: () => {},
      info: () => {},
      warn: (_fields, text) => {
        warnings.push(text);
        for (const watcher of watchers) watcher();
      },
    },
    config: options.config ?? {},
    listener: {
      linkOpened: (link, dialled, theirs) => tell({ type: 'opened', link, dialled, hello: theirs }),
      linkClosed: (link, reason, goodbye) => tell({ type: 'closed', link, reason, goodbye }),
      dialFailed: (address, reason, detail, goodbye) =>
        tell({ type: 'failed', address, reason, detail, goodbye }),
      message: (link, message) => {
        peer.onMessage(link, message);
        tell({ type: 'message', link, message });
      },
      linkPressure: (link, congested) => tell({ type: 'pressure', link, congested }),
    },
  });
  const peer: TestPeer = {
    network,
    address: await network.listen(),
    hello,
    told,
    warnings,
    when: (found) =>
      new Promise((resolve) => {
        const look = (): void => {
          const answer = found(told);
          if (answer === undefined) return;
          watchers.delete(look);
          resolve(answer);
        };
        watchers.add(look);
        look();
      }),
    first: <Type extends Told['type']>(type: Type) =>
      peer.when((all) => all.find((one): one is Extract<Told, { type: Type }> => one.type === type)),
    onMessage: () => {},
  };
  return peer;
}

/** Dials from one to the other; resolves to the link's number on each side. */
export async function connect(
  from: TestPeer,
  to: TestPeer,
): Promise<readonly [fromLink: LinkId, toLink: LinkId]> {
  from.network.dial(to.address);
  const openedBy = (peer: TestPeer, other: TestPeer): Promise<Extract<Told, { type: 'opened' }>> =>
    peer.when((told) =>
      told.find(
        (one): one is Extract<Told, { type: 'opened' }> =>
          one.type === 'opened' && one.hello.node === other.hello.node,
      ),
    );
  const [here, there] = await Promise.all([openedBy(from, to), openedBy(to, from)]);
  return [here.link, there.link];
}

export function newKey(): ClusterKey {
  const [key] = parseKeys(generateKey());
  if (key === undefined) throw new Error('no key');
  return key;
}

/** A bare socket to a peer, past its connect, that gathers what it reads. */
export async function rawSocket(
  address: string,
): Promise<{ socket: Socket; read: () => Buffer; closed: Promise<void> }> {
  const [host, port] = address.split(':');
  const socket = net.connect(Number(port), host ?? '');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return { socket, read: () => Buffer.concat(chunks), closed };
}
