import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { formatAddress, listenError } from '../core/address.js';
import type { LogEffect } from '../core/effects.js';
import type { NodeMetrics } from './node-metrics.js';
import { createMetricsPage, type MetricsPage } from './prometheus.js';

/** What watches a node (a load balancer, Kubernetes, Prometheus, a person with curl) reads it here; nothing can be changed. */
export interface HttpServer {
  /** Opens the port; resolves to the real `host:port`. Rejects with a RondoError (`ADDRESS_IN_USE`, `BAD_ADDRESS`). */
  listen(): Promise<string>;
  /** Stops listening, lets answers under way finish for a second at most. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** Whether jobs may be sent here, and if not, why not. */
  health(): Readiness;
  collect(): NodeMetrics;
  log(level: LogEffect['level'], text: string, fields: Readonly<Record<string, unknown>>): void;
}

export interface Readiness {
  readonly ready: boolean;
  /** A sentence: "draining", "joining: no seed answers yet". */
  readonly reason: string;
}

const httpLimits = {
  connectionsMax: 128,
  headerBytesMax: 8 * 1024,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5_000,
  requestsPerConnectionMax: 1_000,
  /** A request is late by this much at most before it is cut off. */
  timeoutCheckIntervalMs: 1_000,
  closeGraceMs: 1_000,
} as const;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

const index = `Rondo node.

/healthz   200 while the process lives and its loop turns
/readyz    200 when jobs may be sent here, otherwise 503 and the reason
/metrics   Prometheus metrics
`;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const pages = createPages(options);
  const server = createServer({
    maxHeaderSize: httpLimits.headerBytesMax,
    headersTimeout: httpLimits.headersTimeoutMs,
    requestTimeout: httpLimits.requestTimeoutMs,
    keepAliveTimeout: httpLimits.keepAliveTimeoutMs,
    connectionsCheckingInterval: httpLimits.timeoutCheckIntervalMs,
  });
  server.maxConnections = httpLimits.connectionsMax;
  server.maxRequestsPerSocket = httpLimits.requestsPerConnectionMax;
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    respond(request, response, pages, options);
  };
  server.on('request', handle);
  // An `Expect: 100-continue` asks whether a body is wanted: none is.
  server.on('checkContinue', handle);
  server.on('checkExpectation', handle);
  server.on('clientError', refuseMalformed);
  let opening: Promise<string> | undefined;
  return {
    listen: () => {
      opening = listen(server, options);
      return opening;
    },
    close: async () => {
      // Until then the server does not count as listening, and yet may come to; a failure has been told to who asked.
      await opening?.catch(() => {});
      await close(server);
    },
  };
}

type Page = () => Answer | Promise<Answer>;

function createPages({ health, collect }: HttpServerOptions): ReadonlyMap<string, Page> {
  let metricsPage: Promise<MetricsPage> | undefined;
  return new Map<string, Page>([
    ['/', () => textAnswer(200, index)],
    ['/healthz', () => textAnswer(200, 'ok\n')],
    [
      '/readyz',
      () => {
        const { ready, reason } = health();
        const body = `${JSON.stringify({ ready, reason })}\n`;
        return { status: ready ? 200 : 503, body, type: 'application/json; charset=utf-8' };
      },
    ],
    [
      '/metrics',
      async () => {
        metricsPage ??= createMetricsPage(collect);
        const page = await metricsPage;
        return { status: 200, body: await page.render(), type: page.contentType };
      },
    ],
  ]);
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  pages: ReadonlyMap<string, Page>,
  { log }: HttpServerOptions,
): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(request, pages);
  } catch (error) {
    log('error', 'an HTTP request met a fault in Rondo itself', {
      error,
      from: request.socket.remoteAddress,
    });
    answer = textAnswer(500, 'A fault in Rondo itself; its log has the details.\n');
  }
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': body.length,
    'cache-control': 'no-store',
    // Nothing of a request is ever echoed, and what is answered is no page: a browser led here finds nothing to run.
    'x-content-type-options': 'nosniff',
    ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
    // A body that was announced is not read, so the connection can't carry another request.
    ...(hasBody(request) ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function answerTo(request: IncomingMessage, pages: ReadonlyMap<string, Page>): Answer | Promise<Answer> {
  const page = pages.get((request.url ?? '').split('?', 1)[0] as string);
  if (page === undefined) return textAnswer(404, 'Not found. There are /healthz, /readyz and /metrics.\n');
  if (request.method === 'GET' || request.method === 'HEAD') return page();
  return textAnswer(405, 'Only GET and HEAD. Jobs are submitted over the client port.\n');
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function textAnswer(status: number, body: string): Answer {
  return { status, body, type: 'text/plain; charset=utf-8' };
}

const malformedAnswers: ReadonlyMap<string, readonly [status: string, body: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'The headers are over the limit.']],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'The request took too long to arrive.']],
]);

/** Whatever isn't HTTP gets a sentence, and its connection is closed. It is not logged: port scans would fill the log. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, body] = malformedAnswers.get(error.code ?? '') ?? [
    '400 Bad Request',
    'This is not an HTTP request.',
  ];
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length + 1}\r\nconnection: close\r\n\r\n${body}\n`,
    () => socket.destroy(),
  );
}

function listen(server: Server, { host, port, log }: HttpServerOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(listenError('the HTTP port', { host, port }, error));
    server.once('error', fail);
    server.listen({ host, port }, () => {
      server.off('error', fail);
      // Out of file descriptors, for one: connections fail, the server stays.
      server.on('error', (error) => log('warn', 'the HTTP port had an error', { error }));
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new Error('a TCP server has an address');
      resolve(formatAddress({ host: bound.address, port: bound.port }));
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), httpLimits.closeGraceMs);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
