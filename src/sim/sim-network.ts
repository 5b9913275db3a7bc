import type { GoodbyeReason } from '../core/hello.js';
import type { LinkId } from '../core/ids.js';
import { limits } from '../core/limits.js';
import type { PeerMessage } from '../core/messages.js';
import type { Random } from '../core/random.js';
import { SimDialler } from './sim-dialler.js';
import { createFrameReader, type Segment, type WireFormat } from './sim-format.js';
import { defaultQueueLimits, type QueueLimits, SimLink, type SimTraffic } from './sim-link.js';
import type { SimNode } from './sim-node.js';
import { SimPaths } from './sim-paths.js';
import { SimStream } from './sim-stream.js';
import type { SimTime } from './sim-time.js';

export interface SimNetworkOptions extends Partial<QueueLimits> {
  /** One-way time of a segment, drawn evenly. */
  readonly delayMs: readonly [min: number, max: number];
  /** The part of segments that TCP has to send again: each comes, and all behind it, after one or more time-outs. */
  readonly loss: number;
  /** What travels; thousands of nodes want `messages`, which is the default. */
  readonly format?: WireFormat;
  /** How many bytes come out of a socket at once, drawn evenly; where the format is `bytes`. */
  readonly pieceBytes?: readonly [min: number, max: number];
  /** What both kernels of a connection hold of one direction. */
  readonly windowBytes?: number;
}

/** A connection's one direction is not cut into more arrivals than this: its reader cuts on. */
const partsMax = 3;
/** What comes at once on a slow path: several packets, as it has many thousands. */
const packetBytes = 4 * 1_024;
const windowBytesDefault = 256 * 1024;

/**
 * TCP between simulated hosts: ordered bytes in each direction, any time between directions; windows, so that a reader that
 * stalls holds its sender back; and what goes wrong with it. A host is called by the name of its node.
 */
export class SimNetwork {
  readonly paths: SimPaths;
  /** Of all links, those included that are open. */
  readonly queueLimits: QueueLimits;
  private readonly dialler: SimDialler;
  private readonly links = new Map<LinkId, SimLink>();
  private readonly linksOfNode = new Map<SimNode, Set<SimLink>>();
  private readonly traffics = new Map<string, SimTraffic>();
  private readonly unflushed = new Set<SimLink>();
  /** Nodes whose sockets are not read, though they run. */
  private readonly stalledReaders = new Set<string>();
  private lastLink = 0;

  constructor(
    private readonly time: SimTime,
    private readonly random: Random,
    private readonly options: SimNetworkOptions,
    nodeAt: (address: string) => SimNode | undefined,
  ) {
    this.paths = new SimPaths(time, random, options);
    this.queueLimits = {
      queueBytesHigh: options.queueBytesHigh ?? defaultQueueLimits.queueBytesHigh,
      queueBytesLow: options.queueBytesLow ?? defaultQueueLimits.queueBytesLow,
      queueBytesMax: options.queueBytesMax ?? defaultQueueLimits.queueBytesMax,
    };
    this.dialler = new SimDialler({
      time,
      paths: this.paths,
      nodeAt,
      connect: (from, to, address) => this.connect(from, to, address),
    });
  }

  /** Of the whole network; a spell of more is set here. */
  get loss(): number {
    return this.paths.conditions.loss;
  }

  set loss(loss: number) {
    this.paths.conditions.loss = loss;
  }

  /** Messages that were sent by all nodes. */
  get messageCount(): number {
    let count = 0;
    for (const { messagesOut } of this.traffics.values()) count += messagesOut;
    return count;
  }

  /** What a node has sent and received, over all its starts. */
  trafficOf(name: string): SimTraffic {
    const known = this.traffics.get(name);
    if (known !== undefined) return known;
    const traffic = { messagesIn: 0, messagesOut: 0, messagesDropped: 0, bytesIn: 0, bytesOut: 0 };
    this.traffics.set(name, traffic);
    return traffic;
  }

  dial(from: SimNode, address: string): void {
    this.dialler.dial(from, address);
  }

  send(_: SimNode, link: LinkId, message: PeerMessage): void {
    const found = this.links.get(link);
    if (found === undefined) return;
    found.send(message);
    this.unflushed.add(found);
  }

  /** A node has done all that one step told it: what it wrote leaves together. */
  flush(): void {
    for (const link of this.unflushed) link.flush();
    this.unflushed.clear();
  }

  close(_: SimNode, link: LinkId, goodbye: GoodbyeReason): void {
    this.links.get(link)?.close(goodbye);
  }

  watch(_: SimNode, link: LinkId): void {
    this.links.get(link)?.watch();
  }

  /** The process goes on after it stood still. */
  resumed(node: SimNode): void {
    for (const link of this.linksOf(node)) link.readAll();
  }

  /** The process was killed: its kernel closes its connections. */
  resetAll(node: SimNode): void {
    for (const link of this.linksOf(node)) link.kill();
  }

  /** The machine is without power: nobody is told, and nobody answers until it is `up` again. */
  powerOff(node: SimNode): void {
    for (const link of this.linksOf(node)) {
      link.vanish();
      link.out.close({ loseTail: true });
    }
    this.paths.takeDown(node.name);
  }

  powerOn(name: string): void {
    this.paths.bringUp(name);
  }

  /** Breaks every link between two nodes, as a middlebox does: what is on its way is lost, and each end notices by itself. */
  resetBetween(a: string, b: string): void {
    for (const link of this.linksBetween(a, b)) this.breakLink(link, { keepsInbound: false });
  }

  /** Breaks one of the links between two nodes, whichever it is. */
  resetOneBetween(a: string, b: string): void {
    const links = this.linksBetween(a, b);
    const link = links[this.random.below(Math.max(1, links.length))];
    if (link !== undefined) this.breakLink(link, { keepsInbound: false });
  }

  /** Breaks every link between two nodes; what is on its way to `a` still comes, what is on its way to `b` is lost. */
  resetLosingTailTo(b: string, a: string): void {
    for (const link of this.linksBetween(a, b)) this.breakLink(link, { keepsInbound: true });
  }

  /** Every link between two nodes leads nowhere from now on, and neither end is told; new ones work. Answers how to end that. */
  silenceBetween(a: string, b: string): () => void {
    const links = this.linksBetween(a, b);
    for (const { out, peer } of links) {
      out.close({ loseTail: true });
      peer.out.close({ loseTail: true });
    }
    return () => {
      for (const link of links) this.breakLink(link, { keepsInbound: false });
    };
  }

  linkCountBetween(a: string, b: string): number {
    return this.linksBetween(a, b).length;
  }

  /** Its sockets are not read; or are again. */
  stallReads(name: string, isStalled: boolean): void {
    if (isStalled) this.stalledReaders.add(name);
    else this.stalledReaders.delete(name);
    for (const [node, links] of this.linksOfNode)
      if (node.name === name) for (const link of [...links]) link.readAll();
  }

  cut(from: string, to: string): void {
    this.paths.between(from, to).cut();
  }

  uncut(from: string, to: string): void {
    this.paths.between(from, to).uncut();
  }

  /** All paths are whole again. */
  heal(): void {
    this.paths.heal();
  }

  private connect(from: SimNode, to: SimNode, address: string): void {
    const [dialling, accepting] = [this.createLink(from, address), this.createLink(to, null)];
    dialling.peer = accepting;
    accepting.peer = dialling;
    dialling.out = this.createStream(dialling, accepting);
    accepting.out = this.createStream(accepting, dialling);
    for (const link of [dialling, accepting]) link.node.enter(() => link.begin());
  }

  private createLink(node: SimNode, dialled: string | null): SimLink {
    const [min, max] = this.options.pieceBytes ?? [limits.chunkBytesMax, limits.chunkBytesMax];
    const link = new SimLink({
      id: ++this.lastLink,
      node,
      dialled,
      reader: createFrameReader(
        this.options.format ?? 'messages',
        () => min + this.random.below(max - min + 1),
      ),
      queueLimits: this.queueLimits,
      unreadBytesMax: (this.options.windowBytes ?? windowBytesDefault) / 2,
      traffic: this.trafficOf(node.name),
      after: (delayMs, action) => this.time.after(delayMs, action),
      isReading: () => node.status === 'running' && !this.stalledReaders.has(node.name),
      sendReset: (at) => this.sendReset(at),
      sayTaken: (at) => this.sayTaken(at),
      gone: (gone) => this.forget(gone),
    });
    this.links.set(link.id, link);
    const others = this.linksOfNode.get(node);
    if (others === undefined) this.linksOfNode.set(node, new Set([link]));
    else others.add(link);
    return link;
  }

  private createStream(from: SimLink, to: SimLink): SimStream {
    const [sender, receiver] = [from.node.name, to.node.name];
    const traffic = this.trafficOf(sender);
    const path = this.paths.between(sender, receiver);
    return new SimStream({
      format: this.options.format ?? 'messages',
      windowBytes: this.options.windowBytes ?? windowBytesDefault,
      path,
      backPath: this.paths.between(receiver, sender),
      nowMs: () => this.time.nowMs,
      after: (delayMs, action) => this.time.after(delayMs, action),
      travelMs: (path) => this.paths.travelMs(path),
      cutUp: (segment) => (path.own.bytesPerSecond === undefined ? this.cutUp(segment) : cutEvenly(segment)),
      sent: ({ bytes }) => {
        traffic.bytesOut += bytes;
      },
      arrived: (part, taken) => to.receive(part, taken),
    });
  }

  private cutUp(segment: Segment): Segment[] {
    const { content } = segment;
    if (!(content instanceof Buffer)) return [segment];
    const parts: Segment[] = [];
    let start = 0;
    while (start < content.length) {
      const isLast = parts.length === partsMax - 1;
      const end = isLast ? content.length : start + 1 + this.random.below(2 * content.length);
      const piece = content.subarray(start, Math.min(content.length, end));
      parts.push({ content: piece, bytes: piece.length });
      start = end;
    }
    return parts;
  }

  /** A word of a few bytes, ahead of all that waits. */
  private sayTaken({ node, peer }: SimLink): void {
    const path = this.paths.between(node.name, peer.node.name);
    path.pass(() => this.time.after(this.paths.travelMs(path), () => peer.hear()));
  }

  /** The kernel of a connection's gone end answers, unless nothing comes through. */
  private sendReset({ node, peer }: SimLink): void {
    const path = this.paths.between(node.name, peer.node.name);
    if (path.isCut) return;
    this.time.after(this.paths.travelMs(path), () => {
      if (!path.isCut) peer.reset();
    });
  }

  private breakLink(link: SimLink, { keepsInbound }: { keepsInbound: boolean }): void {
    const { peer } = link;
    link.out.close({ loseTail: true });
    peer.out.close({ loseTail: !keepsInbound });
    const waitMs = keepsInbound ? peer.out.remainingMs() : 0;
    this.time.after(waitMs + this.paths.delayMs(), () => link.reset());
    this.time.after(this.paths.delayMs(), () => peer.reset());
  }

  private linksBetween(a: string, b: string): SimLink[] {
    const found: SimLink[] = [];
    for (const [node, links] of this.linksOfNode) {
      if (node.name !== a) continue;
      for (const link of links)
        if (link.peer.node.name === b && link.isUsable && link.peer.isUsable) found.push(link);
    }
    return found;
  }

  private linksOf(node: SimNode): SimLink[] {
    return [...(this.linksOfNode.get(node) ?? [])];
  }

  private forget(link: SimLink): void {
    this.links.delete(link.id);
    const others = this.linksOfNode.get(link.node);
    others?.delete(link);
    if (others?.size === 0) this.linksOfNode.delete(link.node);
  }
}

/** As packets come on a slow path, one after the other. */
function cutEvenly({ content, bytes }: Segment): Segment[] {
  if (!(content instanceof Buffer) || bytes <= packetBytes) return [{ content, bytes }];
  const parts: Segment[] = [];
  for (let start = 0; start < content.length; start += packetBytes) {
    const piece = content.subarray(start, start + packetBytes);
    parts.push({ content: piece, bytes: piece.length });
  }
  return parts;
}
