import { RondoError } from '../core/errors.js';
import { defaultNodeLimits, type NodeLimits } from './node-limits.js';

/** A request of the line protocol, before it has a tag. */
export interface ClientRequest {
  readonly verb: string;
  readonly operands?: readonly string[];
  /** In order; a key may come several times (`on`). */
  readonly options?: readonly (readonly [key: string, value: string])[];
  /** A string is JSON text, sent as it is; bytes travel as a body with `type=binary`. */
  readonly payload?: string | Uint8Array | null;
  /** Called each time before it is sent again because its node was lost, or could not say what became of it. */
  readonly onAgain?: () => void;
  /** Once it fires, the request rejects with its reason, and is sent no more. What was sent already takes its course. */
  readonly signal?: AbortSignal | undefined;
}

/** What is written to the socket for one request, all but its tag, so that it can be sent again under another one. */
export interface EncodedRequest {
  readonly text: string;
  /** Raw bytes that follow `text`, themselves followed by LF; null when all is in the text. */
  readonly body: Uint8Array | null;
}

/** Longest tag plus `@` and the blank after it: room that the limit of a line must leave. */
const tagBytesMax = 34;

/** Longer payloads go as bodies even where lines may be longer: one that a node has no room for is refused alone then. */
const lineBytesUsedMax = defaultNodeLimits.lineBytesMax;

/**
 * Spells a request for a node with these limits: on one line when its payload fits there and holds no line break, else as a body
 * after the line. Throws `BAD_REQUEST` for an operand or option that would break the line, `LINE_TOO_LONG` for options and
 * `BODY_TOO_LARGE` for a payload over the limit.
 */
export function encodeRequest(
  request: ClientRequest,
  limits: NodeLimits = defaultNodeLimits,
): EncodedRequest {
  let line = request.verb;
  for (const operand of request.operands ?? []) line += ` ${word(operand)}`;
  for (const [key, value] of request.options ?? []) line += ` ${key}=${word(value)}`;
  const { payload } = request;
  if (payload === undefined || payload === null) return { text: `${fit(line, limits)}\n`, body: null };
  if (typeof payload !== 'string') {
    const text = `${fit(`${line} bytes=${bounded(payload.byteLength, limits)} type=binary`, limits)}\n`;
    return { text, body: payload };
  }
  const whole = `${line} ${payload}`;
  const room = Math.min(limits.lineBytesMax, lineBytesUsedMax) - tagBytesMax;
  // UTF-8 takes at most three bytes for a UTF-16 unit: most lines need no exact count.
  const fits = whole.length * 3 <= room || Buffer.byteLength(whole) <= room;
  if (fits && !/[\n\r]/.test(payload)) return { text: `${whole}\n`, body: null };
  const bodyBytes = bounded(Buffer.byteLength(payload), limits);
  return { text: `${fit(`${line} bytes=${bodyBytes}`, limits)}\n${payload}\n`, body: null };
}

function word(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (text === '' || /[\s\u0000-\u001f\u007f]/.test(text)) {
    throw new RondoError('BAD_REQUEST', `${JSON.stringify(text)} is empty or holds white space`);
  }
  return text;
}

function fit(line: string, { lineBytesMax }: NodeLimits): string {
  const bytes = Buffer.byteLength(line);
  if (bytes <= lineBytesMax - tagBytesMax) return line;
  throw new RondoError(
    'LINE_TOO_LONG',
    `the request, without its arguments, takes ${bytes + tagBytesMax} bytes of a line; this node takes at most ${lineBytesMax}`,
  );
}

function bounded(bodyBytes: number, { bodyBytesMax }: NodeLimits): number {
  if (bodyBytes <= bodyBytesMax) return bodyBytes;
  throw new RondoError(
    'BODY_TOO_LARGE',
    `the arguments are ${bodyBytes} bytes; this node takes at most ${bodyBytesMax}`,
  );
}
