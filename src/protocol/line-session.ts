import { assert, assertNever } from '../core/assert.js';
import type { ClientCommand } from '../core/commands.js';
import { type Item, itemBytes } from '../core/item.js';
import { NumberTable } from '../core/number-table.js';
import { errorReply, okReply, type Reply } from '../core/reply.js';
import { formatDuration } from '../core/units.js';
import { AnswerQueue, type Piece, type Said, type Slot, saidOf, type Words } from './answer-queue.js';
import { BegunRequest } from './begun-request.js';
import { helpReply } from './help.js';
import { ItemRooms } from './item-rooms.js';
import { KnownHeads } from './known-heads.js';
import { type DecoderEvent, LineDecoder } from './line-decoder.js';
import { itemWords, replyWords } from './line-reply.js';
import {
  type Body,
  complete,
  type ParsedLine,
  parseKnown,
  parseLine,
  refuseBadText,
} from './line-request.js';
import type { LineSessionOptions, SessionCommand } from './line-session-contract.js';
import type { Request, VerbSpec } from './verbs.js';

/**
 * reading: requests are taken. finishing: no more are, the answers still due are given, then `farewell` (QUIT's).
 * finished: all is said.
 */
type Phase = 'reading' | 'finishing' | 'finished';

/**
 * One client's side of the line protocol, without its socket: bytes in with `push` and `end`, requests out of `next`,
 * answers in with `reply`, text out of `takeOutput`.
 */
export class LineSession {
  private phase: Phase = 'reading';
  private readonly heads = new KnownHeads();
  private readonly decoder: LineDecoder;
  private authorised: boolean;
  private announcement: Extract<ParsedLine, { type: 'announcement' }> | null = null;
  private readonly unanswered = new NumberTable<Slot>();
  /** Of these, subscriptions. */
  private readonly subscriptions = new Set<number>();
  /** What its streams may be sent. */
  readonly rooms = new ItemRooms();
  private readonly answers = new AnswerQueue(({ seq }) => seq !== null && this.rooms.turnCame(seq));
  private farewell: Words | null = null;
  private readonly begun: BegunRequest;

  constructor(private readonly options: LineSessionOptions) {
    this.decoder = new LineDecoder(options.limits.lineBytesMax, this.heads);
    this.authorised = options.tokenCheck === null;
    this.begun = new BegunRequest(options.receiving);
  }

  /** Nothing more will be read: QUIT, a half-close, or an error that can't be read on from. */
  get isFinishing(): boolean {
    return this.phase !== 'reading';
  }

  /** All answers are in the output; the connection is to be closed once it is sent. */
  get isFinished(): boolean {
    return this.phase === 'finished';
  }

  /** At a limit: no bytes should be read until requests are answered and output is taken. */
  get isFull(): boolean {
    const { requestsInFlightMax, outputBytesHigh } = this.options.limits;
    return this.answers.due >= requestsInFlightMax || this.answers.bytes > outputBytesHigh;
  }

  get hasOutput(): boolean {
    return this.answers.hasOutput;
  }

  /** Bytes of all answers that are not taken yet, those that wait for an earlier one included. */
  get answerBytes(): number {
    return this.answers.bytes;
  }

  /** A line or a body has begun and is not whole. */
  get isInsideRequest(): boolean {
    return this.begun.isThere || this.decoder.isPassingOver;
  }

  /** Rises whenever what the client sends moves on. */
  get moveCount(): number {
    return this.begun.moveCount + this.decoder.passedOver;
  }

  /** There are bytes that `next` has not looked at, because the session was full. */
  get hasUnread(): boolean {
    return this.phase === 'reading' && this.decoder.hasUnread;
  }

  /** Numbers of the requests that `next` gave and nobody has answered. */
  unansweredSeqs(): readonly number[] {
    return this.unanswered.keys();
  }

  push(chunk: Buffer): void {
    if (this.phase === 'reading') this.decoder.push(chunk);
  }

  /** The client has half-closed. */
  end(): void {
    this.decoder.end();
  }

  /** Takes no more requests; what is in flight is still answered. */
  finish(): void {
    if (this.phase === 'reading') {
      this.phase = 'finishing';
      this.announcement = null;
      this.decoder.stop();
      this.begun.end();
    }
    this.finishWhenEmpty();
  }

  /** The request that has begun does not go on: refuses it, and finishes. */
  giveUpRequest(): void {
    const text = 'a request was begun, and nothing more of it came for too long';
    this.refuse(this.announcement?.tag ?? null, errorReply('SLOW_CLIENT', text));
    this.finish();
  }

  /** Forgets all answers, given or due, says `lastWord` in their place, and is finished. */
  cutOff(lastWord: Reply): void {
    this.unanswered.clear();
    this.subscriptions.clear();
    this.answers.clear();
    this.farewell = null;
    this.options.answered(lastWord, false);
    this.answers.append(replyWords(null, lastWord));
    this.finish();
  }

  /** The next request for the node; null when there is none, or the session is full. */
  next(): SessionCommand | null {
    while (this.phase === 'reading' && !this.isFull) {
      const event = this.decoder.next();
      if (event === null) {
        this.noteBegun();
        return null;
      }
      this.begun.end();
      const command =
        typeof event === 'string'
          ? this.handleParsed(parseLine(event, this.options.limits, this.heads))
          : this.handleEvent(event);
      if (command !== null) return command;
    }
    return null;
  }

  /** Answers a request that `next` gave. One that is answered already is ignored. */
  reply(seq: number, reply: Reply): void {
    const slot = this.unanswered.get(seq);
    if (slot === undefined) return;
    this.unanswered.delete(seq);
    this.subscriptions.delete(seq);
    this.rooms.close(seq);
    this.options.answered(reply, false);
    this.settle(slot, replyWords(slot.tag, reply));
  }

  /** An item of a request that is not answered yet. */
  item(seq: number, item: Item): void {
    const slot = this.unanswered.get(seq);
    if (slot === undefined) return;
    this.answers.add(slot, saidOf(itemWords(slot.tag, item)));
    this.rooms.add(seq, itemBytes(item), this.answers.position);
  }

  /** A message for a subscription, in words without a tag, which many share; returns what all messages take that wait for the client. */
  message(seq: number, said: Said): number {
    const slot = this.unanswered.get(seq);
    return slot === undefined ? 0 : this.answers.addMessage(slot, said);
  }

  /** The next piece to send, the caller's from now on; null when there is none. */
  takeOutput(): Piece | null {
    return this.answers.takeOutput();
  }

  /** So much of the output in all is on the socket now. */
  written(position: number): void {
    this.rooms.written(position);
    this.answers.written(position);
  }

  private handleEvent(event: DecoderEvent): SessionCommand | null {
    switch (event.type) {
      case 'known':
        return this.handleParsed(parseKnown(event.line));
      case 'bad_text':
        return this.handleParsed(refuseBadText(event.text, this.options.limits));
      case 'body':
        return this.handleBody(event.bytes, event.isText);
      case 'no_break_after_body':
        this.refuse(
          null,
          errorReply('BAD_REQUEST', 'no line break after the body: bytes= must count all of it'),
        );
        return null;
      case 'line_too_long': {
        const text = `a line is at most ${this.options.limits.lineBytesMax} bytes: send more as a body with bytes=N`;
        this.refuse(null, errorReply('LINE_TOO_LONG', text));
        this.finish();
        return null;
      }
      case 'foreign': {
        const text = `this port speaks lines of text, not ${event.protocol}: try PING`;
        this.refuse(null, errorReply('WRONG_PROTOCOL', text));
        this.finish();
        return null;
      }
      case 'end':
        this.handleEnd(event.inside, event.bytesMissing);
        return null;
      default:
        return assertNever(event);
    }
  }

  private handleParsed(parsed: ParsedLine): SessionCommand | null {
    const { tag, verb } = parsed;
    // Before AUTH even a mistake is answered with UNAUTHORIZED, so that nothing is learnt by trying.
    const error = this.authorised || verb === null || verb.open ? null : unauthorized(verb);
    switch (parsed.type) {
      case 'refusal':
        this.refuse(tag, error ?? parsed.error);
        if (parsed.after.type === 'close') this.finish();
        else if (parsed.after.type === 'skip') this.decoder.skipBody(parsed.after.bytes);
        return null;
      case 'announcement':
        if (error !== null) {
          this.refuse(tag, error);
          this.decoder.skipBody(parsed.body.bytes);
          return null;
        }
        if (!this.begun.announce(parsed.body.bytes)) {
          this.refuseForRoom(tag);
          this.decoder.skipBody(parsed.body.bytes);
          return null;
        }
        this.announcement = parsed;
        this.decoder.expectBody(parsed.body.bytes);
        return null;
      case 'request':
        if (error === null) return this.handleRequest(tag, parsed.request);
        this.refuse(tag, error);
        return null;
    }
  }

  private handleBody(bytes: Buffer, isText: boolean): SessionCommand | null {
    const { tag, verb, body } = this.takeAnnouncement();
    const request = complete(verb, body, bytes, isText);
    if ('type' in request) return this.handleRequest(tag, request);
    this.refuse(tag, request);
    return null;
  }

  private handleEnd(inside: 'line' | 'body' | null, bytesMissing: number): void {
    if (inside === 'line') {
      this.refuse(null, errorReply('BAD_REQUEST', 'the connection ended in the middle of a line'));
    } else if (inside === 'body' && this.announcement !== null) {
      const { tag, body } = this.takeAnnouncement();
      const text = `the connection ended ${bytesMissing} bytes before the end of the ${body.bytes} that bytes= announced`;
      this.refuse(tag, errorReply('BAD_REQUEST', text));
    }
    this.finish();
  }

  private takeAnnouncement(): { tag: string | null; verb: VerbSpec; body: Body } {
    const { announcement } = this;
    assert(announcement !== null, 'a body comes only after its announcement');
    this.announcement = null;
    return announcement;
  }

  private handleRequest(tag: string | null, request: Request): SessionCommand | null {
    switch (request.type) {
      case 'hello':
        this.answer(tag, okReply(this.options.hello));
        return null;
      case 'ping':
        this.answer(tag, pong);
        return null;
      case 'help':
        this.answer(tag, helpReply(request.verb));
        return null;
      case 'auth':
        this.handleAuth(tag, request.token);
        return null;
      case 'quit':
        this.endSubscriptions([...this.subscriptions]);
        this.options.answered(okReply(), false);
        this.farewell = replyWords(tag, okReply());
        this.finish();
        return null;
      case 'unsubscribe':
        this.unsubscribe(tag, request.tag);
        return null;
      default:
        return this.forNode(tag, request);
    }
  }

  private forNode(tag: string | null, command: ClientCommand): SessionCommand {
    const seq = this.options.nextSeq();
    const slot = this.answers.enter(tag, seq);
    this.unanswered.set(seq, slot);
    if (command.type === 'subscribe') this.subscriptions.add(seq);
    const isStream = command.type === 'watch' || (command.type === 'submit' && command.stream !== undefined);
    if (!isStream) return { seq, command };
    const stream = { room: this.rooms.open(seq, this.answers.isInTurn(slot)), after: null };
    return { seq, command: { ...command, stream } };
  }

  private unsubscribe(tag: string | null, ofTag: string | null): void {
    const seqs = [...this.subscriptions].filter(
      (seq) => (this.unanswered.get(seq)?.tag ?? null) === ofTag || ofTag === null,
    );
    if (seqs.length === 0) {
      const which = ofTag === null ? 'no subscription' : `no subscription with the tag ${ofTag}`;
      this.answer(tag, errorReply('WRONG_STATE', `this connection has ${which}`));
      return;
    }
    const slot = this.answers.enter(tag);
    this.endSubscriptions(seqs);
    this.options.answered(okReply(), false);
    this.settle(slot, replyWords(tag, okReply()));
  }

  private endSubscriptions(seqs: readonly number[]): void {
    for (const seq of seqs) {
      this.options.ended(seq);
      this.reply(seq, okReply());
    }
  }

  private handleAuth(tag: string | null, token: string): void {
    const { tokenCheck } = this.options;
    if (tokenCheck !== null && !tokenCheck(token)) {
      this.refuse(tag, errorReply('UNAUTHORIZED', 'this is not the token of this node'));
      return;
    }
    this.authorised = true;
    this.answer(tag, okReply());
  }

  private noteBegun(): void {
    if (this.begun.note(this.decoder.begunBytes)) return;
    this.refuseForRoom(null);
    this.finish();
  }

  private refuseForRoom(tag: string | null): void {
    this.options.refusedForRoom();
    const text = `retry-after=${formatDuration(receivingRetryMs)} the requests that this node is receiving are at their limit`;
    const error = errorReply('BUSY', text);
    this.options.answered(error, false);
    this.settle(this.answers.enter(tag), replyWords(tag, error));
  }

  private refuse(tag: string | null, error: Reply): void {
    this.options.answered(error, true);
    this.settle(this.answers.enter(tag), replyWords(tag, error));
  }

  private answer(tag: string | null, reply: Reply): void {
    this.options.answered(reply, false);
    this.settle(this.answers.enter(tag), replyWords(tag, reply));
  }

  private settle(slot: Slot, words: Words): void {
    this.answers.settle(slot, words);
    this.finishWhenEmpty();
  }

  private finishWhenEmpty(): void {
    if (this.phase !== 'finishing' || this.answers.due > 0) return;
    this.phase = 'finished';
    if (this.farewell !== null) this.answers.append(this.farewell);
  }
}

const pong = okReply('pong');
/** Longer than most bodies take to come. */
const receivingRetryMs = 1_000;

function unauthorized(verb: VerbSpec): Reply {
  return errorReply('UNAUTHORIZED', `${verb.name} needs AUTH with this node's token first`);
}
