import { FinalError } from './handler-result.js';
import type { TaskContext } from './task-context.js';

/** What `fetch` gives: the response as text. */
export interface FetchResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly bytes: number;
}

export const fetchLimits = {
  bytesMaxDefault: 1024 * 1024,
  /** Leaves room for the escapes that JSON adds to a text. */
  bytesMaxMax: 8 * 1024 * 1024,
  timeoutMsDefault: 30_000,
  timeoutMsMax: 600_000,
  redirectsMax: 5,
} as const;

interface FetchRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/** HTTP GET of `args`, a URL or `{url, headers?, timeoutMs?, bytesMax?}`. Any status is a result; no answer is a failure. */
export async function fetchUrl(args: unknown, context: TaskContext): Promise<FetchResult> {
  const request = readRequest(args);
  const timeout = AbortSignal.timeout(request.timeoutMs);
  try {
    const response = await follow(request, AbortSignal.any([context.signal, timeout]));
    const body = await readBody(response, request.bytesMax);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: body.toString('utf8'),
      url: response.url,
      bytes: body.length,
    };
  } catch (error) {
    if (timeout.aborted) throw failure(`no complete answer within ${request.timeoutMs} ms`, request.url);
    // undici says `fetch failed`; why is in the cause.
    const cause = (error as { cause?: { message?: unknown } }).cause?.message;
    if (typeof cause === 'string') throw failure(cause, request.url);
    throw error;
  }
}

/** Follows redirects itself: fetch allows twenty, and would follow one from http: to anywhere. */
async function follow(request: FetchRequest, signal: AbortSignal): Promise<Response> {
  let { url, headers } = request;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    if (redirects === fetchLimits.redirectsMax) {
      throw failure(`more than ${fetchLimits.redirectsMax} redirects`, request.url);
    }
    const next = readUrl(new URL(location, url).href);
    if (next.origin !== url.origin) headers = withoutCredentials(headers);
    url = next;
  }
}

function withoutCredentials(headers: Headers): Headers {
  const rest = new Headers(headers);
  for (const name of ['authorization', 'cookie', 'proxy-authorization']) rest.delete(name);
  return rest;
}

async function readBody(response: Response, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new FinalError('BadResult', `the response is over ${bytesMax} bytes; raise bytesMax`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const known = ['url', 'headers', 'timeoutMs', 'bytesMax'];

function readRequest(args: unknown): FetchRequest {
  const fields = (typeof args === 'string' ? { url: args } : (args ?? {})) as Record<string, unknown>;
  const url = readUrl(fields.url);
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new FinalError(
      'BadArguments',
      `fetch does not know ${JSON.stringify(unknown.slice(0, 50))}; there are url, headers, timeoutMs and bytesMax`,
    );
  }
  const { timeoutMsDefault, timeoutMsMax, bytesMaxDefault, bytesMaxMax } = fetchLimits;
  return {
    url,
    headers: readHeaders(fields.headers),
    timeoutMs: readNumber('timeoutMs', fields.timeoutMs ?? timeoutMsDefault, timeoutMsMax),
    bytesMax: readNumber('bytesMax', fields.bytesMax ?? bytesMaxDefault, bytesMaxMax),
  };
}

function readUrl(value: unknown): URL {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new FinalError(
    'BadArguments',
    'fetch takes an http: or https: URL, as "http://..." or {"url":"http://..."}',
  );
}

function readHeaders(value: unknown): Headers {
  try {
    return new Headers((value ?? {}) as Record<string, string>);
  } catch (error) {
    throw new FinalError('BadArguments', `headers must be names and texts: ${(error as Error).message}`);
  }
}

function readNumber(name: string, value: unknown, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new FinalError('BadArguments', `${name} must be a whole number from 1 to ${max}`);
}

function failure(reason: string, url: URL): Error {
  const error = new Error(`GET ${url.origin}${url.pathname}: ${reason}`);
  error.name = 'FetchFailed';
  return error;
}
