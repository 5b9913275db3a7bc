import t from 'tap';
import { type Client, type ClientOptions, connect } from '../../src/client/client.js';
import type { ClientReply } from '../../src/client/reply-decoder.js';
import type { ClientRequest } from '../../src/client/request-line.js';
import {
  freeAddress,
  type Script,
  type ScriptedRequest,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.js';

const keyOf = ({ line }: ScriptedRequest): string | undefined => / key=(\S+)/.exec(line)?.[1];

/** How a node is lost; `take` has it take the job, and gives the answer. */
const cuts: Readonly<Record<string, (request: ScriptedRequest, take: () => string) => void>> = {
  'after it has read the request': ({ socket }) => void socket.destroy(),
  'after it has taken the job': ({ socket }, take) => {
    take();
    socket.destroy();
  },
  'in the middle of its answer': ({ socket, tag }, take) => {
    socket.end(`@${tag} ${take().slice(0, -2)}`);
  },
  'by an answer that is none': ({ socket }, take) => {
    socket.write(`${take().slice(1)}\n`);
  },
};

async function withNodes(
  scripts: readonly Script[],
  use: (nodes: string[], servers: ScriptedServer[]) => Promise<void>,
): Promise<void> {
  const servers = await Promise.all(scripts.map((script) => startScriptedServer(script)));
  try {
    await use(
      servers.map(({ address }) => address),
      servers,
    );
  } finally {
    for (const server of servers) await server.close();
  }
}

async function ask(options: ClientOptions, request: ClientRequest): Promise<ClientReply> {
  const client = await connect(options);
  try {
    return await client.request(request);
  } finally {
    client.close();
  }
}

for (const [how, cut] of Object.entries(cuts)) {
  for (const verb of ['SUBMIT', 'RUN']) {
    t.test(`${verb} goes on where its node is lost ${how}, and its job is taken once`, async (t) => {
      const jobs = new Map<string | undefined, number>();
      const take = (request: ScriptedRequest): string => {
        if (!jobs.has(keyOf(request))) jobs.set(keyOf(request), jobs.size + 1);
        return `OK job-${jobs.get(keyOf(request))} whole`;
      };
      const dying: Script = (request) => {
        cut(request, () => take(request));
        return null;
      };
      await withNodes([dying, (request) => take(request)], async (nodes, servers) => {
        let repeated = 0;
        const onAgain = (): void => void repeated++;
        const reply = await ask({ nodes }, { verb, operands: ['echo'], payload: '1', onAgain });
        t.strictSame(reply, { ok: true, text: 'job-1 whole' });
        t.match([...jobs.keys()], [/^[0-9a-v]{26}$/], 'one job, by a key of 26 digits in base32');
        t.strictSame(servers[0]?.lines, servers[1]?.lines, 'the same request is sent again');
        t.equal(repeated, 1);
      });
    });
  }
}

t.test('a request goes on where its node was lost before it was written', async (t) => {
  await withNodes([() => null, ({ verb }) => `OK ${verb}`], async (nodes, [first, second]) => {
    const client = await new Promise<Client>((resolve, reject) => {
      const onNotice = (): void => void opened.then(resolve);
      const opened = connect({ nodes, ownKeys: false, onNotice });
      opened.then(() => first?.dropConnections(), reject);
    });
    t.strictSame(await client.request({ verb: 'SUBMIT', operands: ['echo'] }), { ok: true, text: 'SUBMIT' });
    t.strictSame(second?.lines, ['SUBMIT echo']);
    client.close();
  });
});

t.test('with one node listed a job has no key unless that is asked for, and each has its own', async (t) => {
  await withNodes([() => 'OK'], async (nodes, [server]) => {
    const request = { verb: 'SUBMIT', operands: ['echo'] };
    await ask({ nodes }, request);
    await ask({ nodes, ownKeys: true }, { ...request, options: [['key', 'mine']] });
    await ask({ nodes, ownKeys: true }, request);
    await ask({ nodes, ownKeys: true }, request);
    const [bare, given, ...own] = server?.lines ?? [];
    t.strictSame([bare, given], ['SUBMIT echo', 'SUBMIT echo key=mine']);
    t.match(own, [/^SUBMIT echo key=\S{26}$/, /^SUBMIT echo key=\S{26}$/]);
    t.not(own[0], own[1]);
  });
});

t.test(
  'a job without a key is not sent again, and told as unknown with what would have helped',
  async (t) => {
    const dying: Script = ({ socket }) => {
      socket.destroy();
      return null;
    };
    await withNodes([dying], async (nodes, [server]) => {
      await t.rejects(ask({ nodes }, { verb: 'SUBMIT', operands: ['echo'] }), {
        code: 'UNAVAILABLE',
        message: /may or may not have happened; with a key, or several nodes listed, it would have been sent/,
      });
      t.equal(server?.lines.length, 1);
    });
  },
);

t.test(
  'UNAVAILABLE is unknown too: what has a key or changes nothing is asked again elsewhere',
  async (t) => {
    const lost: Script = () => 'ERR UNAVAILABLE node b was lost before it answered';
    for (const request of [
      { verb: 'RUN', operands: ['echo'] },
      { verb: 'WAIT', operands: ['x'] },
      { verb: 'STATUS', operands: ['x'] },
      { verb: 'CANCEL', operands: ['x'] },
      { verb: 'JOBS' },
    ]) {
      await withNodes([lost, () => 'OK there'], async (nodes) => {
        t.strictSame(await ask({ nodes }, request), { ok: true, text: 'there' }, request.verb);
        const unkeyed = await ask({ nodes, ownKeys: false }, request);
        if (request.verb === 'RUN') t.match(unkeyed, { ok: false, code: 'UNAVAILABLE' });
        else t.match(unkeyed, { ok: true }, request.verb);
      });
    }
  },
);

t.test('what stays UNAVAILABLE is so after some seconds, at one node as at several', async (t) => {
  await withNodes([() => 'ERR UNAVAILABLE nobody knows'], async (nodes, [server]) => {
    const startedAtMs = performance.now();
    t.match(await ask({ nodes }, { verb: 'STATUS', operands: ['x'] }), { ok: false, code: 'UNAVAILABLE' });
    t.ok(performance.now() - startedAtMs > 4_500);
    t.ok((server?.lines.length ?? 0) > 5, 'it was asked again and again');
    t.ok((server?.lines.length ?? 0) < 30, 'with pauses');
  });
});

t.test('timeout= of WAIT is for all nodes together', async (t) => {
  const slow: Script = ({ socket }) => {
    setTimeout(() => socket.destroy(), 300);
    return null;
  };
  await withNodes([slow, () => 'ERR TIMEOUT over'], async (nodes, [, second]) => {
    const wait = { verb: 'WAIT', operands: ['x'], options: [['timeout', '5s']] as const };
    t.match(await ask({ nodes }, wait), { ok: false, code: 'TIMEOUT' });
    const leftMs = Number(/timeout=(\d+)ms$/.exec(second?.lines[0] ?? '')?.[1]);
    t.ok(leftMs > 1_000 && leftMs <= 4_700, `${leftMs} ms were left`);
  });
});

t.test('timeout= of WAIT is over also where no node says so', async (t) => {
  const wait = { verb: 'WAIT', operands: ['x'], options: [['timeout', '100ms']] as const };
  await withNodes([() => null], async (nodes) => {
    t.match(await ask({ nodes }, wait), { ok: false, code: 'TIMEOUT', message: /job x/ }, 'it hangs');
  });
  let close = (): void => {};
  const server = await startScriptedServer(() => {
    close();
    return null;
  });
  close = () => void server.close();
  t.match(await ask({ nodes: [server.address] }, wait), { ok: false, code: 'TIMEOUT' }, 'it is gone');
});

t.test('what means the node that is asked goes to no other one', async (t) => {
  for (const verb of ['LEAVE', 'DRAIN', 'RESUME']) {
    const dying: Script = ({ socket }) => {
      socket.destroy();
      return null;
    };
    await withNodes([dying, () => 'OK'], async (nodes, [, second]) => {
      await t.rejects(ask({ nodes }, { verb }), { code: 'UNAVAILABLE', message: /may or may not/ });
      t.strictSame(second?.lines, []);
      if (verb === 'LEAVE') return;
      t.strictSame(await ask({ nodes }, { verb, operands: ['b'] }), { ok: true, text: '' });
      t.strictSame(second?.lines, [`${verb} b`], 'with a name any node will do');
    });
    await withNodes([() => 'ERR DRAINING it leaves', () => 'OK'], async (nodes) => {
      t.match(await ask({ nodes }, { verb }), { ok: false, code: 'DRAINING' });
    });
  }
});

t.test('a busy node is asked again after the time it gives, within bounds', async (t) => {
  let refusals = 2;
  await withNodes(
    [() => (refusals-- > 0 ? 'ERR BUSY retry-after=20ms full' : 'OK taken')],
    async (nodes, [server]) => {
      const submit = { verb: 'SUBMIT', operands: ['echo'] };
      t.strictSame(await ask({ nodes }, submit), { ok: true, text: 'taken' });
      t.equal(server?.lines.length, 3);
      refusals = 1_000;
      t.match(await ask({ nodes, busyMs: 100 }, submit), { ok: false, code: 'BUSY' });
      const lines = server?.lines.length ?? 0;
      t.ok(lines > 4 && lines < 14, `${lines} requests in a tenth of a second`);
    },
  );
  await withNodes([() => 'ERR BUSY retry-after=1h full'], async (nodes, [server]) => {
    t.match(await ask({ nodes }, { verb: 'JOBS' }), { ok: false, code: 'BUSY' });
    t.equal(server?.lines.length, 1, 'nobody waits for an hour');
  });
});

t.test(
  'where no node is left, the error names each with its reason, and whether it is unknown',
  async (t) => {
    const gone = await freeAddress();
    for (const [ownKeys, code, says] of [
      [true, 'UNAVAILABLE', /was lost before it answered .*, and no node answers at .*may or may not/],
      [false, 'UNAVAILABLE', /may or may not have happened/],
    ] as const) {
      const server = await startScriptedServer(() => {
        void server.close();
        return null;
      });
      const nodes = [server.address, gone];
      const client = await connect({ nodes, ownKeys, searchMs: 300 });
      await t.rejects(client.request({ verb: 'RUN', operands: ['x'] }), { code, message: says });
      const startedAtMs = performance.now();
      const error = await client.request({ verb: 'RUN', operands: ['y'] }).catch((reason) => reason);
      t.equal(error.code, 'NO_NODE', 'what was not sent has not happened');
      t.equal(
        error.message,
        `no node answers at ${server.address} (connection refused), ${gone} (connection refused)`,
      );
      const tookMs = performance.now() - startedAtMs;
      t.ok(tookMs >= 200 && tookMs < 2_000, `it was looked for for ${Math.round(tookMs)} ms`);
      client.close();
    }
  },
);

t.test('a refusal after a lost answer is unknown, not a refusal', async (t) => {
  const dying: Script = ({ socket }) => {
    socket.destroy();
    return null;
  };
  for (const refusal of ['BUSY retry-after=1h', 'DRAINING']) {
    await withNodes([dying, () => `ERR ${refusal} no room`], async (nodes, [first]) => {
      const client = await connect({ nodes });
      const asked = client.request({ verb: 'SUBMIT', operands: ['x'] });
      await first?.close();
      t.match(await asked, { ok: false, code: 'UNAVAILABLE', message: /no room; .* may or may not/ });
      client.close();
    });
  }
});

t.test('a client that is closed looks for no node any more', async (t) => {
  const server = await startScriptedServer(() => 'OK');
  const client = await connect({ nodes: [server.address] });
  await server.close();
  const asked = client.request({ verb: 'NODES' });
  client.close();
  await t.rejects(asked, { code: 'UNAVAILABLE', message: 'this client is closed' });
});

t.test('a node that restarts is found again', async (t) => {
  const first = await startScriptedServer(({ verb }) => `OK ${verb}`);
  const client = await connect({ nodes: [first.address] });
  await first.close();
  const asked = client.request({ verb: 'STATUS', operands: ['x'] });
  const port = Number(first.address.split(':')[1]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const again = await startScriptedServer(({ verb }) => `OK ${verb} again`, { port });
  t.strictSame(await asked, { ok: true, text: 'STATUS again' });
  client.close();
  await again.close();
});
