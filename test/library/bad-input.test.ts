import { createServer } from 'node:net';
import t from 'tap';
import { BadInputError, Client, NotTakenError } from '../../src/index.js';

/** Answers HELLO and NODES, and notes all else that it is asked. */
async function listen(): Promise<{ address: string; asked: string[]; close(): void }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((each) => each !== '')) {
        const [tag = '', verb = ''] = line.split(' ');
        if (verb === 'HELLO') socket.write(`${tag} OK {"cluster":"c","id":"i"}\n`);
        else if (verb !== 'NODES') asked.push(line);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { address: `127.0.0.1:${port}`, asked, close: () => server.close() };
}

t.test('what can not be right is refused with a typed error before anything is sent', async (t) => {
  const { address, asked, close } = await listen();
  const client = await Client.connect({ nodes: address });
  t.teardown(async () => {
    await client.close();
    close();
  });
  const cycle: Record<string, unknown> = {};
  cycle.itself = cycle;
  const id = '000000000000-00000-1';
  const calls: Record<string, [code: string, says: RegExp, call: () => unknown]> = {
    'an empty task name': ['BAD_REQUEST', /name of a task/, () => client.run('')],
    'a task name with a space': ['BAD_REQUEST', /"a b" is no name of a task/, () => client.submit('a b')],
    'a task that is no text': ['BAD_REQUEST', /name of a task/, () => client.run(5 as never)],
    'negative copies': ['BAD_OPTION', /copies=.*1 to 16/, () => client.submit('add', 1, { copies: -1 })],
    'half a retry': ['BAD_OPTION', /retries: 0.5/, () => client.submit('add', 1, { retries: 0.5 })],
    'a slip of the pen': [
      'BAD_OPTION',
      /Did you mean retries/,
      () => client.run('add', 1, { retires: 1 } as never),
    ],
    'an option of another call': [
      'BAD_OPTION',
      /no option "window"/,
      () => client.jobs({ window: 1 } as never),
    ],
    'a duration without a unit': ['BAD_OPTION', /timeout=/, () => client.run('add', 1, { timeout: '30' })],
    'a negative duration': ['BAD_OPTION', /timeout: -1/, () => client.run('add', 1, { timeout: -1 })],
    'no duration at all': ['BAD_OPTION', /ttl: NaN/, () => client.submit('add', 1, { ttl: Number.NaN })],
    'delay and at': ['BAD_OPTION', /exclude/, () => client.submit('add', 1, { delay: '1s', at: new Date() })],
    'an invalid Date': [
      'BAD_OPTION',
      /at: an invalid Date/,
      () => client.submit('add', 1, { at: new Date('x') }),
    ],
    'an affinity without one': [
      'BAD_OPTION',
      /affinity/,
      () => client.submit('add', 1, { route: 'affinity' }),
    ],
    'a key with a space': ['BAD_OPTION', /key=/, () => client.submit('add', 1, { key: 'a b' })],
    'a tag with a space': ['BAD_OPTION', /on=/, () => client.submit('add', 1, { on: { zone: 'e u' } })],
    'what no job can come after': [
      'BAD_REQUEST',
      /no job id/,
      () => client.submit('add', 1, { after: ['x'] }),
    ],
    'a run without an outcome': ['BAD_OPTION', /ttl/, () => client.run('add', 1, { ttl: 0 })],
    'a BigInt': ['BAD_JSON', /BigInt/, () => client.run('add', 1n)],
    'a BigInt inside': ['BAD_JSON', /JSON/, () => client.run('add', { a: 1n })],
    'a cycle': ['BAD_JSON', /circular/, () => client.run('add', cycle)],
    'a function': ['BAD_JSON', /function/, () => client.run('add', () => 1)],
    'a Map': ['BAD_JSON', /Map/, () => client.run('add', new Map())],
    'bytes of another kind': ['BAD_JSON', /Uint8Array/, () => client.run('add', new Uint16Array(2))],
    'no number': ['BAD_JSON', /NaN/, () => client.run('add', Number.NaN)],
    'a job id that is none': ['BAD_REQUEST', /no job id/, () => client.wait('everything')],
    'no job id at all': ['BAD_REQUEST', /no job id/, () => client.cancel(undefined as never)],
    'a wait without time': ['BAD_OPTION', /at least 1ms/, () => client.wait(id, { timeout: 0 })],
    'a state that there is not': ['BAD_OPTION', /state/, () => client.jobs({ state: 'lost' as never })],
    'a limit over the most': ['BAD_OPTION', /limit/, () => client.schedules({ limit: 1_001 })],
    'a cron that never comes': ['BAD_OPTION', /cron=/, () => client.schedule('add', '0 0 30 2 *', 1)],
    'no cron': ['BAD_OPTION', /cron/, () => client.schedule('add', ' ', 1)],
    'a zone that there is not': [
      'BAD_OPTION',
      /zone/,
      () => client.schedule('add', '@daily', 1, { zone: 'Mars/Base' }),
    ],
    'a window of nothing': ['BAD_OPTION', /window/, () => client.map('add', [1], { window: 0 })],
    'a text as items': ['BAD_REQUEST', /iterable/, () => client.map('add', 'abc')],
    'a node name with a space': ['BAD_REQUEST', /name of a node/, () => client.drain('a b')],
  };
  for (const [what, [code, message, call]] of Object.entries(calls)) {
    const error = await Promise.resolve()
      .then(call)
      .then(
        () => null,
        (thrown: unknown) => thrown,
      );
    t.ok(error instanceof BadInputError, what);
    t.match(error, { code, message, name: 'BadInputError' }, what);
  }
  t.strictSame(asked, [], 'nothing was sent');
});

t.test('a list of nodes that can not be right, and one where nobody is, are told apart', async (t) => {
  for (const nodes of ['', 'nowhere', [], ['127.0.0.1:0'], [5 as never], '127.0.0.1:1,x:y:z']) {
    await t.rejects(
      Client.connect({ nodes }),
      { name: 'BadInputError', code: 'BAD_ADDRESS' },
      JSON.stringify(nodes),
    );
  }
  await t.rejects(Client.connect({ node: 'a:1' } as never), { code: 'BAD_OPTION' });
  await t.rejects(Client.connect({ nodes: '127.0.0.1:1', token: 'a b' }), { code: 'BAD_OPTION' });
  await t.rejects(Client.connect({ nodes: '127.0.0.1:1', keyFile: '/nowhere/key' }), {
    code: 'UNAUTHORIZED',
  });
  const error: unknown = await Client.connect({ nodes: '127.0.0.1:1' }).catch((thrown: unknown) => thrown);
  t.ok(error instanceof NotTakenError);
  t.match(error, { code: 'NO_NODE', message: /127\.0\.0\.1:1 \(connection refused\)/ });
});
