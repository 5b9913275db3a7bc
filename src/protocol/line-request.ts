import { defaultSubmitOptions } from '../core/commands.js';
import type { Payload } from '../core/payload.js';
import { errorReply, type Reply } from '../core/reply.js';
import { unknownVerb } from './help.js';
import type { KnownHeads, KnownLine } from './known-heads.js';
import { checkTogether, emptyDraft, type OptionDraft, optionSpecs } from './options.js';
import { ownText, ownWord } from './own-text.js';
import { type Request, type VerbSpec, verbSpecs } from './verbs.js';
import { onOneLine, quoted, suggestion } from './wording.js';

/** What one line says. A refusal tells what to do with a body that the line may announce, so that the stream stays in step. */
export type ParsedLine =
  | {
      readonly type: 'request';
      readonly tag: string | null;
      readonly verb: VerbSpec;
      readonly operand: string | null;
      readonly draft: OptionDraft;
      readonly request: Request;
      /** Where in the line its payload begins; absent: it has none, or that was known before. */
      readonly payloadAt?: number;
    }
  /** The arguments follow: `complete` makes the request of them. */
  | {
      readonly type: 'announcement';
      readonly tag: string | null;
      readonly verb: VerbSpec;
      readonly body: Body;
    }
  | {
      readonly type: 'refusal';
      readonly tag: string | null;
      readonly verb: VerbSpec | null;
      readonly error: Reply;
      readonly after: AfterRefusal;
    };

/** go_on: with the next line; skip: the body that was announced; close: nobody can tell where the next line begins. */
export type AfterRefusal =
  | { readonly type: 'go_on' }
  | { readonly type: 'skip'; readonly bytes: number }
  | { readonly type: 'close' };

/** A body that a line announced. */
export interface Body {
  readonly bytes: number;
  readonly binary: boolean;
  readonly operand: string;
  readonly draft: OptionDraft;
}

export interface BodyLimit {
  readonly bodyBytesMax: number;
}

/** Arguments of a job that was given none. */
const noArguments = 'null';
const tagPattern = /^[A-Za-z0-9_-]{1,32}$/;
const at = 0x40;
const space = 0x20;
const equals = 0x3d;

/** One draft for all requests without options: its options are never written to. */
const untouchedDraft: OptionDraft = { ...emptyDraft(), submit: Object.freeze({ ...defaultSubmitOptions }) };

/** Reads one line, its line break taken off. Never throws: what is no request becomes a refusal. `heads` learns from it. */
export function parseLine(line: string, limit: BodyLimit, heads: KnownHeads | null = null): ParsedLine {
  let tag: string | null = null;
  let position = skipSpaces(line, 0);
  if (line.charCodeAt(position) === at) {
    const end = wordEnd(line, position);
    tag = ownWord(line.slice(position + 1, end));
    if (!tagPattern.test(tag)) {
      const text = `${quoted(tag)} is no tag: after the @ stand 1 to 32 of A-Z a-z 0-9 _ -`;
      return refuse(line, { tag: null, verb: null, error: errorReply('BAD_REQUEST', text) }, limit);
    }
    position = skipSpaces(line, end);
  }
  const end = wordEnd(line, position);
  const word = line.slice(position, end);
  const verb = verbSpecs.get(word) ?? verbSpecs.get(word.toUpperCase());
  if (verb === undefined) {
    const error = word === '' ? emptyLine : unknownVerb(word);
    return refuse(line, { tag, verb: null, error }, limit);
  }
  const parsed = parseRest(line, skipSpaces(line, end), tag, verb, limit);
  if (heads !== null && parsed.type === 'request' && parsed.payloadAt !== undefined)
    heads.note(line.slice(position, parsed.payloadAt), parsed);
  return parsed;
}

/** Reads a line whose head is known. */
export function parseKnown({ tag, head, payload, isJson }: KnownLine): ParsedLine {
  const { verb, operand, draft } = head;
  const error = isJson ? null : checkJson(payload);
  // A head that is known announces no body.
  if (error !== null) return { type: 'refusal', tag, verb, error, after: { type: 'go_on' } };
  const args = isJson ? payload : onOneLine(payload);
  return { type: 'request', tag, verb, operand, draft, request: verb.build(operand, draft, args) };
}

/** Makes the request of a line and the body that came after it; the error to answer when the body won't do. */
export function complete(verb: VerbSpec, body: Body, bytes: Buffer, isText: boolean): Request | Reply {
  let args: Payload;
  if (body.binary) {
    // A copy: the buffer may be larger than what is in it, and arguments are kept for as long as the job.
    args = new Uint8Array(bytes);
  } else {
    if (!isText) return errorReply('BAD_UTF8', 'the body is not valid UTF-8: type=binary sends any bytes');
    args = bytes.toString('utf8');
    const error = checkJson(args);
    if (error !== null) return error;
    // Outside of strings a line break is white space, and inside of them JSON allows none.
    args = onOneLine(args);
  }
  return verb.build(body.operand, body.draft, args);
}

/** Reads the tag and the body's length off a line that is no text, so that the refusal finds its request and its end. */
export function refuseBadText(line: string, limit: BodyLimit): ParsedLine {
  const parsed = parseLine(line, limit);
  const error = errorReply('BAD_UTF8', 'the line is not valid UTF-8');
  return refuse(line, { tag: parsed.tag, verb: parsed.verb, error }, limit);
}

interface Refusal {
  readonly tag: string | null;
  readonly verb: VerbSpec | null;
  readonly error: Reply;
}

const emptyLine = errorReply(
  'BAD_REQUEST',
  'no verb: a request is a line like RUN echo {"a":1}; HELP lists all verbs',
);

/** Operands, options and payload: what stands after the verb. */
function parseRest(
  line: string,
  start: number,
  tag: string | null,
  verb: VerbSpec,
  limit: BodyLimit,
): ParsedLine {
  let position = start;
  let operand: string | null = null;
  let operandCount = 0;
  let draft = untouchedDraft;
  let payload = noArguments;
  let payloadAt: number | undefined;
  while (position < line.length) {
    const end = wordEnd(line, position);
    const nameEnd = optionNameEnd(line, position, end);
    let error: Reply | null = null;
    if (takesOperand(verb, operandCount) && (nameEnd < 0 || verb.operand?.verbatim === true)) {
      const word = ownWord(line.slice(position, end));
      operand = operand === null ? word : `${operand} ${word}`;
      operandCount++;
      error = verb.operand?.check(word) ?? null;
    } else if (nameEnd > 0) {
      if (draft === untouchedDraft) draft = emptyDraft();
      error = readOption(verb, draft, line.slice(position, nameEnd), ownWord(line.slice(nameEnd + 1, end)));
    } else if (verb.payload) {
      payload = line.slice(position);
      payloadAt = position;
      error = draft.bodyBytes === null ? checkJson(payload) : twoPayloads;
      if (error === null) break;
    } else {
      error = errorReply('BAD_REQUEST', `${quoted(line.slice(position, end))} ${tooMuch(verb)}`);
    }
    if (error !== null) return refuse(line, { tag, verb, error }, limit);
    position = skipSpaces(line, end);
  }
  const error = checkWhole(verb, operand, draft, limit);
  if (error !== null) return refuse(line, { tag, verb, error }, limit);
  if (draft.bodyBytes !== null) {
    const body = { bytes: draft.bodyBytes, binary: draft.binary, operand: operand ?? '', draft };
    return { type: 'announcement', tag, verb, body };
  }
  const args = onOneLine(payload);
  const request = verb.build(operand, draft, verb.keepsPayload === true ? ownText(args) : args);
  return {
    type: 'request',
    tag,
    verb,
    operand,
    draft,
    request,
    ...(payloadAt !== undefined && { payloadAt }),
  };
}

function tooMuch({ name, operand }: VerbSpec): string {
  const countMax = operand?.countMax;
  if (countMax === undefined) return `is too much: see HELP ${name}`;
  return `is one too many: ${name} takes at most ${countMax} ${operand?.name.replace('...', 's')}`;
}

function takesOperand({ operand }: VerbSpec, count: number): boolean {
  return operand !== null && count < (operand.countMax ?? 1);
}

function checkWhole(
  verb: VerbSpec,
  operand: string | null,
  draft: OptionDraft,
  limit: BodyLimit,
): Reply | null {
  if (operand === null && verb.operand?.required === true) {
    return errorReply('BAD_REQUEST', `${verb.name} needs its ${verb.operand.name}, like ${verb.example}`);
  }
  if (verb.needs !== undefined && !draft.given.includes(verb.needs)) {
    return errorReply('BAD_OPTION', `${verb.name} needs ${verb.needs}=, like ${verb.example}`);
  }
  if (draft === untouchedDraft) return null;
  if (draft.bodyBytes !== null && draft.bodyBytes > limit.bodyBytesMax) return tooLarge(limit);
  return checkTogether(draft);
}

function readOption(verb: VerbSpec, draft: OptionDraft, name: string, value: string): Reply | null {
  const spec = optionSpecs.get(name);
  if (spec === undefined || !(verb.options as readonly string[]).includes(name)) {
    if (verb.options.length === 0) return errorReply('BAD_OPTION', `${verb.name} has no options`);
    const hint = suggestion(name, verb.options);
    return errorReply(
      'BAD_OPTION',
      `${verb.name} has no option ${quoted(name)}.${hint} It has ${verb.options.join(', ')}`,
    );
  }
  if (draft.given.includes(name)) {
    if (spec.repeatable !== true) return errorReply('BAD_OPTION', `${name}= is given twice`);
  } else {
    draft.given.push(name);
  }
  return spec.read(draft, value);
}

/** What is wrong with this JSON text, or null. It is parsed to be sure, and then carried as the text it is. */
function checkJson(text: string): Reply | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const detail = onOneLine(error instanceof Error ? error.message : String(error)).slice(0, 200);
    return errorReply('BAD_JSON', `the payload is not one JSON value (text needs quotes): ${detail}`);
  }
}

/** A refused line may still announce a body: without its length, the body would be read as lines. */
function refuse(line: string, refusal: Refusal, limit: BodyLimit): ParsedLine {
  const bytes = announcedBytes(line);
  if (bytes === null) return { type: 'refusal', ...refusal, after: { type: 'go_on' } };
  if (Number.isNaN(bytes)) return { type: 'refusal', ...refusal, after: { type: 'close' } };
  if (bytes > limit.bodyBytesMax) {
    return { type: 'refusal', ...refusal, error: tooLarge(limit), after: { type: 'close' } };
  }
  return { type: 'refusal', ...refusal, after: { type: 'skip', bytes } };
}

/** The length that `bytes=` announces anywhere before a JSON value; null without one, NaN when it can't be told. */
function announcedBytes(line: string): number | null {
  if (!line.includes(' bytes=')) return null;
  let announced: number | null = null;
  for (let position = 0; position < line.length; ) {
    const end = wordEnd(line, position);
    if (line.startsWith('bytes=', position)) {
      const value = line.slice(position + 'bytes='.length, end);
      if (announced !== null || !/^[0-9]+$/.test(value)) return Number.NaN;
      announced = Number(value);
    } else if ('{["'.includes(line.charAt(position))) {
      break;
    }
    position = skipSpaces(line, end);
  }
  return announced;
}

const twoPayloads = errorReply(
  'BAD_REQUEST',
  'bytes= announces a body, so the line must not hold a payload too',
);

function tooLarge(limit: BodyLimit): Reply {
  return errorReply('BODY_TOO_LARGE', `a body is at most ${limit.bodyBytesMax} bytes`);
}

function wordEnd(line: string, from: number): number {
  const end = line.indexOf(' ', from);
  return end < 0 ? line.length : end;
}

function skipSpaces(line: string, from: number): number {
  let position = from;
  while (line.charCodeAt(position) === space) position++;
  return position;
}

/** Where the `=` stands in a word that is an option (letters, then `=`), or -1. JSON text never begins like that. */
function optionNameEnd(line: string, start: number, end: number): number {
  for (let position = start; position < end; position++) {
    const code = line.charCodeAt(position);
    if (code === equals) return position > start ? position : -1;
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
    if (!isLetter && code !== 0x2d && code !== 0x5f) return -1;
  }
  return -1;
}
