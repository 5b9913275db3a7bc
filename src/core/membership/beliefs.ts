import { assertNever } from '../assert.js';
import type { NodeId } from '../ids.js';
import { incarnationMax, isPresent, type MemberRecord } from '../member.js';
import type { Rumour } from '../messages.js';
import type { NodeNumbers } from '../node-map.js';
import type { MembershipConfig } from './config.js';
import type { MembershipEffect, SelfChange } from './events.js';
import type { Gossip } from './gossip.js';
import { MemberTable } from './member-table.js';
import { isNews, supersedes } from './merge.js';
import { subjectOf } from './rumours.js';
import { hearsayDeathMs, Suspicion, suspicionTiming } from './suspicion.js';
import { Suspicions } from './suspicions.js';

/** What beliefs need from the rest of membership, and what they tell it. */
export interface BeliefsContext {
  readonly config: MembershipConfig;
  readonly numbers: NodeNumbers | null;
  readonly gossip: Gossip;
  emit(effect: MembershipEffect): void;
  /** Whether a link to this node is up. */
  hasContact(node: NodeId): boolean;
  /** A member takes part that did not before. */
  joined(node: NodeId): void;
  /** A member that took part by hearsay has shown that it is there. */
  shown(node: NodeId): void;
  /** A member takes part no more. */
  gone(node: NodeId): void;
  /** A member is suspect now that was not. */
  suspected(node: NodeId): void;
  /** This node had to defend itself. */
  refuted(): void;
}

/** What this node holds to be true of each member, itself included, and how it changes with what it sees and hears. */
export class Beliefs {
  readonly table: MemberTable;
  readonly #context: BeliefsContext;
  readonly #suspicions = new Suspicions();
  /** Members that take part by hearsay: there was never a link to them, nor an ack. The longest known first. */
  readonly #hearsay = new Set<NodeId>();
  #self: MemberRecord;
  #full = false;
  #defences = 0;
  #isLearning = false;

  constructor(self: MemberRecord, context: BeliefsContext) {
    this.#context = context;
    this.#self = self;
    this.table = new MemberTable(context.config.membersMax, context.numbers);
    this.table.put(self, 0);
  }

  get self(): MemberRecord {
    return this.#self;
  }

  /** How often this node had to contradict what was said of it. */
  get defences(): number {
    return this.#defences;
  }

  get nextDeadlineMs(): number {
    return this.#suspicions.nextDeadlineMs;
  }

  /** Takes in a rumour: whoever told it, it counts by incarnation and state alone. */
  hear(rumour: Rumour, nowMs: number): void {
    if (!isRefutable(rumour)) return;
    if (subjectOf(rumour) === this.#self.id) {
      this.#hearOfSelf(rumour, nowMs);
      return;
    }
    switch (rumour.type) {
      case 'alive':
        this.#hearAlive(rumour.member, nowMs);
        break;
      case 'suspect':
        this.#hearSuspect(rumour.node, rumour, nowMs);
        break;
      case 'dead':
        this.#hearDead(rumour.node, rumour, nowMs);
        break;
      case 'left':
        this.#hearLeft(rumour.node, rumour.incarnation, nowMs);
        break;
      default:
        assertNever(rumour);
    }
  }

  /** Takes in all that another node knows, as a node does that joins: gone members it never heard of too, and none of it is news to others. */
  learn(records: readonly MemberRecord[], nowMs: number): void {
    this.#isLearning = true;
    for (const record of records) this.hearRecord(record, { adoptGone: true, nowMs });
    this.#isLearning = false;
  }

  /** Takes in a whole record. `adoptGone`: also dead and left members never heard of. */
  hearRecord(record: MemberRecord, { adoptGone, nowMs }: { adoptGone: boolean; nowMs: number }): void {
    const { id, incarnation, state } = record;
    if (!isPresent(record) && id !== this.#self.id && this.table.get(id) === undefined) {
      if (adoptGone && incarnation < incarnationMax) this.#store(record, nowMs);
      return;
    }
    if (state === 'alive') this.hear({ type: 'alive', member: record }, nowMs);
    if (state === 'suspect') this.#hearSuspectRecord(record, nowMs);
    if (state === 'dead') this.hear({ type: 'dead', node: id, incarnation, accuser: id }, nowMs);
    if (state === 'left') this.hear({ type: 'left', node: id, incarnation }, nowMs);
  }

  /** Takes in a member that was known before this start: no news, so nobody is told. */
  restore(member: MemberRecord, nowMs: number): void {
    if (this.table.get(member.id) !== undefined || this.table.roomFor(member.id) !== null) return;
    this.table.put(member, nowMs);
  }

  /** This node itself found cause to suspect a member. */
  suspect(node: NodeId, nowMs: number): void {
    const known = this.table.get(node);
    if (known === undefined || !isPresent(known) || node === this.#self.id) return;
    const accusation = { incarnation: known.incarnation, accuser: this.#self.id };
    this.#hearSuspect(node, accusation, nowMs);
  }

  /** Evidence from the member's link: it has until `deadlineMs` to refute. */
  shortenSuspicion(node: NodeId, deadlineMs: number): void {
    this.#suspicions.change(node, (suspicion) => suspicion.shorten(deadlineMs));
  }

  /** A link to the member is up again. */
  dropEvidence(node: NodeId): void {
    this.#suspicions.change(node, (suspicion) => suspicion.dropEvidence());
  }

  /** The member has shown that it is there: it has a link, or was acked for. */
  seen(node: NodeId): void {
    if (this.#hearsay.delete(node)) this.#context.shown(node);
  }

  isHearsay(node: NodeId): boolean {
    return this.#hearsay.has(node);
  }

  hearsay(): NodeId[] {
    return [...this.#hearsay];
  }

  /** Every suspicion lasts until then at least: this node was asleep, and refutations may wait to be read. */
  postponeVerdicts(notBeforeMs: number): void {
    this.#suspicions.changeAll((suspicion) => suspicion.postpone(notBeforeMs));
  }

  expireSuspicions(nowMs: number): void {
    for (;;) {
      const node = this.#suspicions.takeDue(nowMs);
      if (node === undefined) return;
      this.declareDead(node, nowMs);
    }
  }

  declareDead(node: NodeId, nowMs: number): void {
    const known = this.table.get(node);
    if (known === undefined || !isPresent(known) || node === this.#self.id) return;
    this.#store({ ...known, state: 'dead' }, nowMs);
  }

  declareLeft(node: NodeId, nowMs: number): void {
    const known = this.table.get(node);
    if (known !== undefined && isPresent(known)) this.#hearLeft(node, known.incarnation, nowMs);
  }

  changeSelf(change: SelfChange, nowMs: number): void {
    if (this.#self.state === 'left') return;
    const changed = { ...this.#self, ...change };
    if (factsText(changed) === factsText(this.#self)) return;
    this.#raiseSelf(this.#self.incarnation, changed, nowMs);
  }

  leave(nowMs: number): void {
    if (this.#self.state !== 'left') this.#store({ ...this.#self, state: 'left' }, nowMs);
  }

  /** What this node would say against a member, to itself: null if nothing. */
  accusationOf(node: NodeId): Rumour | null {
    const known = this.table.get(node);
    if (known === undefined || known.state === 'alive' || known.state === 'left') return null;
    return rumourOf(known, this.#self.id);
  }

  forgetBefore(thenMs: number): void {
    for (const record of this.table.goneBefore(thenMs)) this.#forget(record);
  }

  #hearOfSelf(rumour: Rumour, nowMs: number): void {
    // Who leaves doesn't contradict: a `left` is final, and a death would only be the same thing said worse.
    if (this.#self.state === 'left') return;
    const incarnation = rumour.type === 'alive' ? rumour.member.incarnation : rumour.incarnation;
    if (incarnation < this.#self.incarnation) {
      // Refuted long ago; whoever still says so has missed it.
      if (rumour.type !== 'alive') this.#defend(nowMs);
      return;
    }
    if (rumour.type === 'alive' && !supersedes(rumour.member, this.#self)) return;
    this.#raiseSelf(incarnation, {}, nowMs);
    this.#defend(nowMs);
    this.#context.refuted();
  }

  /** What this node says of itself is told anew, as if it were fresh. */
  #defend(nowMs: number): void {
    this.#defences++;
    this.#context.gossip.tell({ type: 'alive', member: this.#self }, nowMs);
  }

  #hearAlive(member: MemberRecord, nowMs: number): void {
    const known = this.table.get(member.id);
    if (known === undefined || supersedes(member, known)) this.#store(member, nowMs);
  }

  /**
   * All of it is taken in at once, and never as that of an alive member: an accusation names no instance, so this one may be that of an
   * earlier start. Nobody is named as accuser: the sender may only have heard of the suspicion, and that confirms nothing.
   */
  #hearSuspectRecord(record: MemberRecord, nowMs: number): void {
    const { id, incarnation } = record;
    const known = this.table.get(id);
    const isNewer = known === undefined || incarnation > known.incarnation;
    if (isNewer && id !== this.#self.id && incarnation < incarnationMax)
      this.#becomeSuspect(record, id, nowMs);
    else this.hear({ type: 'suspect', node: id, incarnation, accuser: id }, nowMs);
  }

  #hearSuspect(node: NodeId, { incarnation, accuser }: Accusation, nowMs: number): void {
    const known = this.table.get(node);
    if (known === undefined) return;
    const suspicion = this.#suspicions.get(node);
    if (suspicion !== undefined && incarnation === known.incarnation) {
      const confirms =
        this.#counts(accuser, node) &&
        this.#suspicions.change(node, (each) => each.confirm(accuser)) === true;
      if (confirms) this.#context.gossip.tell({ type: 'suspect', node, incarnation, accuser }, nowMs);
      return;
    }
    if (!isNews('suspect', incarnation, known)) return;
    this.#becomeSuspect({ ...known, incarnation, state: 'suspect' }, accuser, nowMs);
  }

  /**
   * The death of a member that is not suspect yet is held to be a suspicion, until the member has had time to refute it: after a
   * partition each side believes the other dead, and would take over the other's belief about its own members; nor should one
   * forged message cost a healthy member its jobs. Without a link to it that time is short, as most likely it was suspect for
   * long; and there is none when this node has itself seen its link break.
   */
  #hearDead(node: NodeId, { incarnation, accuser }: Accusation, nowMs: number): void {
    const known = this.table.get(node);
    if (known === undefined || !isNews('dead', incarnation, known)) return;
    if (isPresent(known) && isNews('suspect', incarnation, known)) {
      this.#becomeSuspect({ ...known, incarnation, state: 'suspect' }, accuser, nowMs);
    }
    const { config, hasContact } = this.#context;
    const suspicion = this.#suspicions.get(node);
    const hasLink = hasContact(node);
    const isYoung = suspicion !== undefined && suspicion.ageMs(nowMs) < config.probeIntervalMs;
    const isHearsay = isYoung && (hasLink || !suspicion.hasEvidence);
    if (!isHearsay) this.#store({ ...known, incarnation, state: 'dead' }, nowMs);
    else {
      const deadlineMs = hasLink ? null : nowMs + hearsayDeathMs(this.table.presentCount, config);
      this.#suspicions.change(node, (each) => each.confirmFully(deadlineMs));
    }
  }

  #hearLeft(node: NodeId, incarnation: number, nowMs: number): void {
    const known = this.table.get(node);
    if (known === undefined || !isNews('left', incarnation, known)) return;
    this.#store({ ...known, incarnation, state: 'left' }, nowMs);
  }

  #becomeSuspect(record: MemberRecord, accuser: NodeId, nowMs: number): void {
    const timing = suspicionTiming(this.table.presentCount, this.#suspicions.size, this.#context.config);
    const counted = this.#counts(accuser, record.id) ? accuser : null;
    if (!this.#store(record, nowMs, accuser)) return;
    this.#suspicions.begin(record.id, new Suspicion(nowMs, timing, counted));
    this.#context.suspected(record.id);
  }

  /** An accuser must be a member that takes part: names that anyone could make up confirm nothing. */
  #counts(accuser: NodeId, suspect: NodeId): boolean {
    const known = this.table.get(accuser);
    return accuser !== suspect && known !== undefined && isPresent(known);
  }

  #raiseSelf(above: number, change: Partial<MemberRecord>, nowMs: number): void {
    const incarnation = Math.min(incarnationMax, Math.max(above, this.#self.incarnation) + 1);
    this.#store({ ...this.#self, ...change, incarnation, state: 'alive' }, nowMs);
  }

  /** The only place where a record changes: table, suspicion, rumour and effect stay in step. False where there is no room for it. */
  #store(record: MemberRecord, nowMs: number, accuser = this.#self.id): boolean {
    if (!this.#makeRoom(record.id, nowMs)) return false;
    const previous = this.table.get(record.id) ?? null;
    this.table.put(record, nowMs);
    if (record.state !== 'suspect') this.#suspicions.end(record.id);
    if (record.id === this.#self.id) this.#self = record;
    if (!this.#isLearning || record === this.#self)
      this.#context.gossip.tell(rumourOf(record, accuser), nowMs);
    this.#context.emit({ type: 'member_changed', member: record, previous });
    const wasPresent = previous !== null && isPresent(previous);
    if (!wasPresent && isPresent(record)) {
      if (!this.#context.hasContact(record.id)) this.#hearsay.add(record.id);
      this.#context.joined(record.id);
    }
    if (wasPresent && !isPresent(record)) {
      this.#hearsay.delete(record.id);
      this.#context.gone(record.id);
    }
    return true;
  }

  #makeRoom(id: NodeId, nowMs: number): boolean {
    let oldest = this.table.roomFor(id);
    if (oldest === 'full' && this.#context.hasContact(id)) oldest = this.#giveUpHearsay(nowMs);
    if (oldest === null) return true;
    if (oldest !== 'full') {
      this.#forget(oldest);
      this.#full = false;
      return true;
    }
    if (!this.#full) {
      const text = `The member list is full at ${this.#context.config.membersMax}: new members are ignored.`;
      this.#context.emit({ type: 'log', level: 'warn', text, fields: { member: id } });
    }
    this.#full = true;
    return false;
  }

  /** A member that is really there takes the place of one that may have been made up; it comes back when it shows itself. */
  #giveUpHearsay(nowMs: number): MemberRecord | 'full' {
    for (const node of this.#hearsay) {
      this.declareDead(node, nowMs);
      return this.table.get(node) ?? 'full';
    }
    return 'full';
  }

  #forget(record: MemberRecord): void {
    this.table.remove(record.id);
    this.#context.gossip.drop(record.id);
    this.#context.emit({ type: 'member_forgotten', member: record });
  }
}

interface Accusation {
  readonly incarnation: number;
  readonly accuser: NodeId;
}

/**
 * An accusation at the largest incarnation could never be refuted, so nobody believes one. Members that are alive reach that
 * incarnation only by forgery.
 */
function isRefutable(rumour: Rumour): boolean {
  if (rumour.type === 'alive') return rumour.member.incarnation <= incarnationMax;
  return rumour.incarnation < incarnationMax;
}

function rumourOf(record: MemberRecord, accuser: NodeId): Rumour {
  const { id: node, incarnation, state } = record;
  switch (state) {
    case 'alive':
      return { type: 'alive', member: record };
    case 'suspect':
      return { type: 'suspect', node, incarnation, accuser };
    case 'dead':
      return { type: 'dead', node, incarnation, accuser };
    case 'left':
      return { type: 'left', node, incarnation };
    default:
      return assertNever(state);
  }
}

/** What a node says of itself and may change at any moment. */
function factsText({ tags, tasks, draining, journal }: MemberRecord): string {
  return JSON.stringify([tags, tasks, draining, journal]);
}
