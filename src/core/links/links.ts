import { assertNever } from '../assert.js';
import type { LogEffect } from '../effects.js';
import type { GoodbyeReason, Hello } from '../hello.js';
import type { LinkId, NodeId } from '../ids.js';
import { type ContactLoss, isPresent, type MemberRecord } from '../member.js';
import { refusalOf } from './admission.js';
import type { LinksConfig } from './config.js';
import type { Links, LinksOptions } from './contract.js';
import { type DialTrouble, idConflictAdvice } from './dial-advice.js';
import { Dials } from './dials.js';
import type { LinksEffect, LinksEvent } from './events.js';
import { endOf, lossOf } from './link-end.js';
import { LinkTable, type OpenLink } from './link-table.js';
import { type LinkEnd, Mesh } from './mesh.js';
import { Seeds } from './seeds.js';
import { Spares } from './spares.js';

export type { LinksEffect, LinksEvent } from './events.js';

/** The first step must come at once: it dials the seeds. */
export function createLinks(options: LinksOptions): Links {
  return new LinksCore(options);
}

class LinksCore implements Links {
  readonly #self: LinksOptions['self'];
  readonly #config: LinksConfig;
  readonly #seeds: Seeds;
  readonly #mesh: Mesh;
  readonly #spares: Spares;
  readonly #table: LinkTable;
  readonly #dials: Dials;
  /** Nodes that closed their link as a duplicate before this end saw the other one, and until when it must show. */
  readonly #settling = new Map<NodeId, { readonly link: LinkId; readonly untilMs: number }>();
  #firstContactMs: number | null = null;
  #isLeaving = false;
  #nowMs = 0;
  #effects: LinksEffect[] = [];

  constructor({ self, seeds, knownPeers = [], config, random, numbers = null }: LinksOptions) {
    this.#self = self;
    this.#config = config;
    this.#table = new LinkTable(self.id);
    this.#dials = new Dials(config.dialsMax);
    this.#spares = new Spares(config, this.#table, random.fork('spares'));
    this.#seeds = new Seeds({ seeds, knownPeers }, config, random.fork('seeds'));
    this.#seeds.drop(self.address);
    this.#mesh = new Mesh({
      self,
      config,
      random: random.fork('dials'),
      numbers,
      hasContact: (node) => this.#hasContact(node),
      linkedCount: () => this.#table.nodeCount,
    });
  }

  step(event: LinksEvent, nowMs: number): LinksEffect[] {
    this.#nowMs = nowMs;
    this.#handle(event);
    if (!this.#isLeaving) this.#dialDue();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  nextDeadlineMs(): number {
    const canDial = this.#dials.hasRoom && !this.#isLeaving;
    let deadlineMs = canDial
      ? Math.min(this.#seeds.nextDeadlineMs, this.#mesh.nextDeadlineMs)
      : Number.POSITIVE_INFINITY;
    deadlineMs = Math.min(deadlineMs, this.#spares.nextDeadlineMs, this.#table.nextCloseMs);
    for (const { untilMs } of this.#settling.values()) deadlineMs = Math.min(deadlineMs, untilMs);
    return deadlineMs;
  }

  linkTo(node: NodeId): LinkId | null {
    return this.#table.current(node)?.link ?? null;
  }

  used(node: NodeId): void {
    const open = this.#table.current(node);
    if (open === null) return;
    open.usedAtMs = this.#nowMs;
    // A probe's link that turns out to be useful stays.
    if (this.#isSpare(open)) this.#table.closeAt(open, Number.POSITIVE_INFINITY);
  }

  get isSparse(): boolean {
    return this.#mesh.isSparse;
  }

  helloOf(link: LinkId): Hello | null {
    return this.#table.get(link)?.hello ?? null;
  }

  count(): number {
    return this.#table.size;
  }

  #handle(event: LinksEvent): void {
    switch (event.type) {
      case 'tick':
        this.#handleTick();
        break;
      case 'link_opened':
        this.#handleLinkOpened({
          ...event,
          openedAtMs: this.#nowMs,
          usedAtMs: Number.NEGATIVE_INFINITY,
          closeAtMs: Number.POSITIVE_INFINITY,
        });
        break;
      case 'link_closed':
        this.#handleLinkClosed(event);
        break;
      case 'dial_failed':
        this.#handleDialFailed(event);
        break;
      case 'member_changed':
        if (event.member.id !== this.#self.id) this.#handleMemberChanged(event.member);
        break;
      case 'members_restored':
        for (const member of event.members) this.#handleMemberChanged(member);
        break;
      case 'member_forgotten':
        this.#mesh.forget(event.node, this.#nowMs);
        break;
      case 'link_wanted':
        this.#mesh.want(event.node, event.purpose, this.#nowMs);
        break;
      case 'leaving':
        this.#isLeaving = true;
        break;
      default:
        assertNever(event);
    }
  }

  #handleTick(): void {
    for (const [node, { link, untilMs }] of this.#settling) {
      if (untilMs > this.#nowMs) continue;
      this.#settling.delete(node);
      this.#loseContact({ node, link, reason: 'unreachable' }, 'closed');
    }
    for (const open of this.#table.overdue(this.#nowMs)) {
      // One that is closed may settle the others anew.
      if (open.closeAtMs <= this.#nowMs && this.#table.get(open.link) === open) this.#closeOverdue(open);
    }
    if (!this.#mesh.isSparse) return;
    for (const open of this.#spares.due(this.#nowMs)) this.#closeOverdue(open);
  }

  /** Whether it is for this node to close it when it has more than it needs. */
  #isSpare({ hello: { node } }: OpenLink): boolean {
    const member = this.#mesh.get(node);
    return this.#mesh.isSparse && member !== undefined && isPresent(member);
  }

  #closeOverdue(open: OpenLink): void {
    const { node } = open.hello;
    const isLoser = this.#table.current(node) !== open;
    const { link } = this.#table.outdated(open, this.#config.duplicateLingerMs);
    this.#closeLink(link, isLoser ? 'duplicate_link' : this.#isSpare(open) ? 'spare' : 'idle');
    if (this.#table.current(node) !== null) this.#goOnWithRest(node);
    else this.#loseContact({ node, link, reason: 'unreachable' }, 'closed');
  }

  #handleLinkOpened(open: OpenLink): void {
    const { hello, dialled } = open;
    const wanted = this.#dials.end(dialled);
    this.#makeRoom(0);
    const refusal = this.#refusalOf(hello);
    if (refusal !== null) {
      this.#refuse(open, refusal);
      for (const node of wanted) this.#mesh.missed(node, this.#nowMs);
      return;
    }
    if (dialled !== null) this.#seeds.answered(dialled);
    this.#seeds.answered(hello.address);
    this.#replaceOld(hello);
    this.#noticeTakenAddresses(open);
    const isFirst = this.#table.current(hello.node) === null;
    this.#settling.delete(hello.node);
    const purpose = dialled === null ? null : this.#mesh.purposeOf(hello.node);
    this.#mesh.opened(hello.node);
    for (const node of wanted) this.#mesh.missed(node, this.#nowMs);
    this.#table.add(open);
    this.#firstContactMs ??= this.#nowMs;
    if (isFirst) this.#goOnWithRest(hello.node);
    else this.#settleDuplicates(hello.node);
    // Nobody probes a stranger; one that lost its power before it said who is there would be waited for in vain, and no seed be dialled.
    if (this.#mesh.get(hello.node) === undefined) this.#effects.push({ type: 'watch_link', link: open.link });
    if (this.#mesh.isSparse) this.#spares.opened(open, purpose, this.#nowMs);
  }

  /** Whether there is room for one more link, beside so many that are on their way. */
  #makeRoom(dialsUnderWay: number): boolean {
    const { linksMax } = this.#config;
    if (!this.#mesh.isSparse || this.#table.size + dialsUnderWay < linksMax) return true;
    const spare = this.#spares.forNewcomer(this.#nowMs);
    if (spare !== undefined) this.#closeOverdue(spare);
    return this.#table.size + dialsUnderWay < linksMax;
  }

  #refusalOf(hello: Hello): GoodbyeReason | null {
    if (this.#isLeaving) return 'leaving';
    if (hello.node === this.#self.id) {
      return hello.instance === this.#self.instance ? 'self_link' : 'id_conflict';
    }
    return refusalOf(hello, {
      current: this.#table.current(hello.node),
      member: this.#mesh.get(hello.node),
      linkCount: this.#table.size,
      linksMax: this.#config.linksMax,
    });
  }

  #refuse({ link, hello, dialled }: OpenLink, reason: GoodbyeReason): void {
    this.#effects.push({ type: 'close_link', link, reason });
    if (dialled !== null) this.#handleRejection(dialled, reason, 'by this node');
    if (reason !== 'id_conflict' || dialled !== null) return;
    const text = `A second node with the id ${hello.node} is at ${hello.address}: its data directory was probably copied. It was turned away.`;
    this.#log('error', text, { node: hello.node, address: hello.address });
  }

  /** The same id with another instance is a new start of that node, and one that is held to be dead had its time: old links lead nowhere. */
  #replaceOld({ node, instance }: Hello): void {
    const isGone = this.#mesh.isGone(node);
    const old = this.#table.of(node).filter(({ hello }) => isGone || hello.instance !== instance);
    for (const { link, hello } of old)
      this.#closeLink(link, hello.instance === instance ? 'duplicate_link' : 'replaced');
    const link = old[0]?.link;
    if (link !== undefined) this.#loseContact({ node, link, reason: 'unreachable' }, 'closed');
  }

  /** Members without a link whose address another node answers at are gone from there. */
  #noticeTakenAddresses({ hello, dialled }: OpenLink): void {
    for (const node of this.#mesh.unlinkedAt([hello.address, dialled])) {
      if (node !== hello.node) this.#effects.push({ type: 'address_taken', node, by: hello.node });
    }
  }

  /**
   * Each end closes links that it dialled itself, and only after a while, so that what was on its way on them arrives. Links that the
   * peer dialled are for it to close; what it doesn't close it has lost sight of. Of more than two they go before it closes any by mistake.
   */
  #settleDuplicates(node: NodeId): void {
    const { duplicateLingerMs, forgottenLingerMs, deadLinkMs, pairLinksMax } = this.#config;
    const current = this.#table.current(node);
    const links = this.#table.of(node);
    for (const open of links) {
      const inTime = (lingerMs: number): number => Math.min(open.closeAtMs, this.#nowMs + lingerMs);
      let closeAtMs = Math.max(open.openedAtMs, current?.openedAtMs ?? 0) + forgottenLingerMs;
      if (open === current)
        closeAtMs = this.#mesh.isGone(node) ? inTime(deadLinkMs) : Number.POSITIVE_INFINITY;
      else if (open.dialled !== null) closeAtMs = inTime(duplicateLingerMs);
      else if (links.length > 2) closeAtMs = inTime(duplicateLingerMs / 2);
      this.#table.closeAt(open, closeAtMs);
    }
    const spare = links.find((open) => open !== current);
    if (spare === undefined || links.length <= pairLinksMax) return;
    this.#closeLink(spare.link, 'duplicate_link');
    this.#goOnWithRest(node);
  }

  /**
   * A link is up, or one of several is gone. However it went, what was on its way on it may be lost, or came after what was sent later on
   * another: so all who count on order and arrival start anew on the link that is left.
   */
  #goOnWithRest(node: NodeId): void {
    this.#settleDuplicates(node);
    const current = this.#table.current(node);
    if (current === null) return;
    this.#effects.push({ type: 'contact_opened', node, link: current.link, hello: current.hello });
  }

  #handleLinkClosed({ link, reason, goodbye }: Extract<LinksEvent, { type: 'link_closed' }>): void {
    const closed = this.#table.remove(link);
    if (closed === null) return;
    const { node } = closed.hello;
    if (this.#table.current(node) !== null) {
      this.#goOnWithRest(node);
    } else if (goodbye === 'duplicate_link') {
      this.#settling.set(node, { link, untilMs: this.#nowMs + this.#config.settleMs });
    } else {
      if (goodbye === 'id_conflict') this.#handleIdConflict(closed.dialled);
      this.#loseContact({ node, link, reason: lossOf(reason, goodbye) }, endOf(reason, goodbye));
      this.#noticeSuccessor(closed.hello);
    }
  }

  /** Another node may have shown itself at this one's address before this one's end was noticed. */
  #noticeSuccessor({ node, address }: Hello): void {
    const member = this.#mesh.get(node);
    if (member === undefined || !isPresent(member) || member.address !== address) return;
    for (const { hello } of this.#table.all()) {
      if (hello.address !== address) continue;
      this.#effects.push({ type: 'address_taken', node, by: hello.node });
      return;
    }
  }

  #handleDialFailed(event: Extract<LinksEvent, { type: 'dial_failed' }>): void {
    const { address, goodbye } = event;
    const wanted = this.#dials.end(address);
    if (goodbye !== null) this.#handleRejection(address, goodbye, event.detail);
    else this.#handleSeedFailure(address, event);
    for (const node of wanted) {
      const isGone = this.#mesh.failed(node, event, this.#nowMs);
      if (isGone) this.#loseContact({ node, link: null, reason: 'refused' }, null);
    }
  }

  /** Somebody answers at an address, and one of the two ends doesn't want the link. */
  #handleRejection(address: string, goodbye: GoodbyeReason, detail: string): void {
    if (goodbye === 'self_link') {
      this.#seeds.drop(address);
      this.#noticeOwnAddress(address);
      return;
    }
    if (goodbye === 'id_conflict') this.#handleIdConflict(address);
    this.#handleSeedFailure(address, { reason: 'rejected', detail, goodbye });
  }

  #handleSeedFailure(address: string, trouble: DialTrouble): void {
    // The seed has dialled this node while this dial was under way.
    if (this.#table.isLinkedAt(address)) return;
    const log = this.#seeds.failed(address, trouble, { nowMs: this.#nowMs, joined: this.#mesh.knowsAlive() });
    if (log !== null) this.#effects.push(log);
  }

  /** At join it is this node that has to go: the other one was there first. Later it is not for this node to decide. */
  #handleIdConflict(dialled: string | null): void {
    const message = idConflictAdvice(this.#self.id);
    const joinedMs = this.#firstContactMs ?? Number.POSITIVE_INFINITY;
    const isJoining = this.#nowMs < joinedMs + this.#config.joinMs;
    if (isJoining && dialled !== null) this.#effects.push({ type: 'fatal', code: 'ID_CONFLICT', message });
    else this.#log('error', message, { node: this.#self.id, address: dialled });
  }

  #handleMemberChanged(member: MemberRecord): void {
    this.#mesh.change(member, this.#nowMs);
    const current = this.#table.current(member.id);
    if (current !== null) {
      const isGone = !isPresent(member);
      this.#table.closeAt(current, isGone ? this.#nowMs + this.#config.deadLinkMs : Number.POSITIVE_INFINITY);
    } else if (member.address === this.#self.address) {
      this.#noticeOwnAddress(member.address);
    }
  }

  /** Members that should be where this node itself is are gone from there. */
  #noticeOwnAddress(address: string): void {
    for (const node of this.#mesh.unlinkedAt([address])) {
      this.#effects.push({ type: 'address_taken', node, by: this.#self.id });
    }
  }

  #dialDue(): void {
    const isDialling = (address: string): boolean => this.#dials.has(address);
    if (this.#mesh.knowsAlive()) this.#seeds.letGoOfKnownPeers(isDialling);
    else if (this.#table.size === 0) this.#seeds.wake(this.#nowMs, isDialling);
    for (const address of this.#seeds.due(this.#nowMs)) {
      if (this.#dial(address, null)) this.#seeds.dialled(address);
    }
    for (const { id, address } of this.#mesh.due(this.#nowMs)) {
      // Links that are refused at this end when they are up would cost both ends a handshake.
      if (!this.#makeRoom(this.#dials.size))
        this.#mesh.postpone(id, this.#nowMs + this.#config.crowdedAgeMs / 2);
      else if (this.#dial(address, id)) this.#mesh.dialled(id);
    }
  }

  /** Whether a dial is under way now. */
  #dial(address: string, node: NodeId | null): boolean {
    const how = this.#dials.begin(address, node);
    if (how === 'begun') this.#effects.push({ type: 'dial', address });
    return how !== 'full';
  }

  #loseContact(loss: { node: NodeId; link: LinkId | null; reason: ContactLoss }, end: LinkEnd | null): void {
    this.#effects.push({ type: 'contact_lost', ...loss });
    if (end !== null) this.#mesh.lost(loss.node, end, this.#nowMs);
  }

  /** The network's own word that it is closed comes later, and finds nothing to do. */
  #closeLink(link: LinkId, reason: GoodbyeReason): void {
    this.#table.remove(link);
    this.#effects.push({ type: 'close_link', link, reason });
  }

  #hasContact(node: NodeId): boolean {
    return this.#table.of(node).length > 0 || this.#settling.has(node);
  }

  #log(level: LogEffect['level'], text: string, fields: LogEffect['fields']): void {
    this.#effects.push({ type: 'log', level, text, fields });
  }
}
