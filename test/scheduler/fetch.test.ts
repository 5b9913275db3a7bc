import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { TestScheduler } from './harness.js';

const node = new TestScheduler({ taskDirs: [], threads: 0 });
const other = createServer((request, response) => response.end(JSON.stringify(request.headers)));
const server = createServer((request, response) => {
  const url = request.url as string;
  if (url === '/text') response.writeHead(201, { 'x-a': 'b' }).end('hello ü');
  else if (url === '/headers') response.end(request.headers.authorization);
  else if (url === '/loop') response.writeHead(302, { location: '/loop' }).end();
  else if (url === '/once') response.writeHead(301, { location: 'text' }).end();
  else if (url === '/elsewhere') response.writeHead(302, { location: address(other) }).end();
  else if (url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
  else if (url === '/large') response.end('x'.repeat(1024 * 1024 + 1));
  else if (url === '/reset') request.socket.destroy();
  else if (url === '/slow') response.write('never ends');
});
const address = (of: typeof server) => `http://127.0.0.1:${(of.address() as AddressInfo).port}/`;

t.before(async () => {
  for (const each of [server, other]) {
    each.listen(0, '127.0.0.1');
    await once(each, 'listening');
  }
});
t.teardown(async () => {
  await node.scheduler.close();
  for (const each of [server, other]) {
    each.closeAllConnections();
    each.close();
  }
});

async function result(args: unknown): Promise<Record<string, unknown>> {
  const outcome = await node.run('fetch', args);
  if (outcome.type !== 'done') throw new Error(JSON.stringify(outcome));
  return JSON.parse(outcome.result as string);
}

t.test('fetch gives status, headers, text, address and size', async (t) => {
  const url = `${address(server)}text`;
  t.match(await result(url), { status: 201, headers: { 'x-a': 'b' }, body: 'hello ü', url, bytes: 8 });
  t.match(await result({ url: `${address(server)}once` }), { status: 201, url });
});

t.test('fetch sends headers, but credentials to no other origin', async (t) => {
  const headers = { authorization: 'secret', 'x-plain': 'yes' };
  t.match(await result({ url: `${address(server)}headers`, headers }), { body: 'secret' });
  const { body } = await result({ url: `${address(server)}elsewhere`, headers });
  t.match(JSON.parse(body as string), { 'x-plain': 'yes', authorization: undefined });
});

t.test('fetch fails with why, and finally where another try is pointless', async (t) => {
  const at = (path: string) => `${address(server)}${path}`;
  const cases: readonly (readonly [args: unknown, name: string, message: RegExp, final: boolean])[] = [
    [at('loop'), 'FetchFailed', /more than 5 redirects/, false],
    [at('reset'), 'FetchFailed', /GET http:.*reset: other side closed/, false],
    ['http://127.0.0.1:1/', 'FetchFailed', /ECONNREFUSED|bad port/, false],
    [{ url: at('slow'), timeoutMs: 50 }, 'FetchFailed', /no complete answer within 50 ms/, false],
    [at('large'), 'BadResult', /over 1048576 bytes; raise bytesMax/, true],
    [{ url: at('text'), bytesMax: 7 }, 'BadResult', /over 7 bytes/, true],
    [at('file'), 'BadArguments', /http: or https:/, true],
    ['file:///etc/passwd', 'BadArguments', /http: or https:/, true],
    ['not a url', 'BadArguments', /http: or https:/, true],
    [null, 'BadArguments', /http: or https:/, true],
    [
      { url: at('text'), method: 'POST' },
      'BadArguments',
      /does not know "method"; there are url, headers/,
      true,
    ],
    [['http://127.0.0.1/'], 'BadArguments', /http: or https:/, true],
    [{ url: at('text'), timeoutMs: 0 }, 'BadArguments', /timeoutMs must be/, true],
    [{ url: at('text'), bytesMax: 1e9 }, 'BadArguments', /bytesMax must be/, true],
    [{ url: at('text'), headers: { 'bad name': 'x' } }, 'BadArguments', /headers must be/, true],
  ];
  for (const [args, name, message, final] of cases) {
    t.match(
      await node.run('fetch', args),
      { type: 'failed', error: { name, message }, final },
      String(message),
    );
  }
});

t.test('a size of exactly the limit is allowed', async (t) => {
  t.match(await result({ url: `${address(server)}text`, bytesMax: 8 }), { bytes: 8 });
});

t.test('fetch stops when its attempt is stopped', async (t) => {
  const run = node.start('fetch', `${address(server)}slow`);
  await once(server, 'request');
  node.scheduler.stop(run, 'cancelled');
  t.same(await node.outcome(run), { type: 'stopped' });
});
