import t from 'tap';
import { start } from '../support/fake-node-client.js';
import { runCli, runShell } from '../support/run-cli.js';
import { type Script, startScriptedServer } from '../support/scripted-server.js';

const id = '0c4k2jq9t1vb-7h2pa-1';
const failure = `ERR JOB_FAILED {"id":"${id}","name":"TypeError","message":"no\\u001b[2J","attempts":3}`;

/** What a node tells of a job before all else: it is this one. */
function begun(tag: string): string {
  return `* state {"id":"${id}","state":"running","attempt":1,"owner":"a","executor":"a"}\n@${tag}`;
}

async function withScript(
  script: Script,
  use: (address: string, lines: string[]) => Promise<void>,
): Promise<void> {
  const server = await startScriptedServer(script);
  try {
    await use(server.address, server.lines);
  } finally {
    await server.close();
  }
}

t.test('submit prints the id alone, or the promise as JSON', async (t) => {
  await withScript(
    () => `OK ${id} copies=2 durable=yes`,
    async (node, lines) => {
      const plain = await runCli(['submit', 'echo', '{"a": 1}', '--node', node]);
      t.strictSame(plain, { code: 0, stdout: `${id}\n`, stderr: '' });
      const json = await runCli(['submit', 'echo', '--json', '--node', node]);
      t.strictSame(JSON.parse(json.stdout), { id, copies: 2, durable: true });
      t.strictSame(lines, ['SUBMIT echo {"a": 1}', 'SUBMIT echo'], 'the JSON is sent as it was written');
    },
  );
});

t.test('every flag of submit is an option on the line', async (t) => {
  await withScript(
    () => `OK ${id} copies=1 durable=no`,
    async (node, lines) => {
      const flags =
        '--priority -5 --delay 1s --at 2030-01-31T18:00:00Z --timeout 5m --retries 3 --backoff 250ms --key k=1 ' +
        '--route affinity --affinity u/7 --on zone=eu --on gpu=yes --to node-1 --copies 3 --durable --ttl 2h';
      await runCli(['submit', 'echo', '-5', ...flags.split(' '), '--node', node]);
      await runCli(['submit', 'echo', '--no-durable', '--node', node]);
      t.strictSame(lines, [
        'SUBMIT echo priority=-5 delay=1s at=2030-01-31T18:00:00Z timeout=5m retries=3 backoff=250ms key=k=1 ' +
          'route=affinity affinity=u/7 on=zone=eu on=gpu=yes node=node-1 copies=3 durable=yes ttl=2h -5',
        'SUBMIT echo durable=no',
      ]);
    },
  );
});

t.test('what a node refuses is told with its code, and what to do', async (t) => {
  const refusals: [string, number, RegExp][] = [
    [
      'ERR UNKNOWN_TASK nobody offers "ehco"',
      1,
      /^rondo: nobody offers "ehco" \(UNKNOWN_TASK\): `rondo tasks`/,
    ],
    ['ERR BAD_OPTION too long', 2, /too long \(BAD_OPTION\)/],
    ['ERR BUSY retry-after=1h full', 1, /try again later/],
    ['ERR UNAUTHORIZED AUTH first', 1, /--key-file \(or RONDO_KEY_FILE\)/],
    ['OKAY', 1, /may or may not have happened/],
  ];
  for (const [reply, code, says] of refusals) {
    await withScript(
      () => reply,
      async (node) => {
        const result = await runCli(['submit', 'ehco', '--node', node]);
        t.equal(result.code, code, reply);
        t.equal(result.stdout, '');
        t.match(result.stderr, says);
      },
    );
  }
});

t.test('run submits, follows and prints the result as it came', async (t) => {
  const script: Script = ({ tag }) => `${begun(tag)} OK {"n": 9007199254740993}`;
  await withScript(script, async (node, lines) => {
    const result = await runCli(['run', 'echo', '-', '--node', node], { input: ' [1]\n' });
    t.strictSame(result, { code: 0, stdout: '{"n": 9007199254740993}\n', stderr: '' });
    t.strictSame(lines, ['RUN echo stream=yes [1]']);
    const json = await runCli(['run', 'echo', '--json', '--node', node]);
    t.equal(json.stdout, `{"id":"${id}","ok":true,"result":{"n": 9007199254740993}}\n`);
  });
});

t.test('a failed job is told with its error and attempts, and can command no terminal', async (t) => {
  const script: Script = ({ verb, tag }) => (verb === 'RUN' ? `${begun(tag)} ${failure}` : failure);
  await withScript(script, async (node) => {
    for (const args of [
      ['run', 'echo'],
      ['wait', id],
    ]) {
      t.strictSame(await runCli([...args, '--node', node]), {
        code: 1,
        stdout: '',
        stderr: `rondo: job ${id} failed after 3 attempts: TypeError: no\\x1b[2J; run it again with \`rondo retry ${id}\`\n`,
      });
      const json = await runCli([...args, '--json', '--node', node]);
      t.equal(json.code, 1);
      t.strictSame(JSON.parse(json.stdout), {
        id,
        ok: false,
        error: { name: 'TypeError', message: 'no\u001b[2J', attempts: 3 },
      });
    }
  });
});

t.test('run goes on following at another node when its own dies', async (t) => {
  const first = await startScriptedServer(({ tag, socket }) => {
    socket.write(`@${tag} ${begun(tag)} * data 1\n`, () => void first.close());
    return null;
  });
  const second = await startScriptedServer(
    ({ tag }) => `${begun(tag)} * data 1\n@${tag} * data 2\n@${tag} OK "done"`,
  );
  const result = await runCli(['run', 'echo', '--node', `${first.address},${second.address}`]);
  t.equal(result.code, 0);
  t.equal(result.stdout, '1\n2\n"done"\n', 'what was printed before is not printed again');
  t.match(result.stderr, `going on at node ${second.address}`);
  t.strictSame(second.lines, [`WATCH ${id}`]);
  await second.close();
});

t.test('run submits a job with a key again when it was lost with its nodes, and only then', async (t) => {
  const script: Script = ({ tag }) => `${begun(tag)} ERR UNAVAILABLE node b was lost before it answered`;
  const unknowing: Script = ({ verb, tag }) =>
    verb === 'RUN' ? `${begun(tag)} OK "again"` : 'ERR NOT_FOUND no node knows it';
  const first = await startScriptedServer(script);
  const second = await startScriptedServer(unknowing);
  const nodes = ['--node', `${first.address},${second.address}`];
  // b was lost, says the first; nobody knows the job, says the second. So it goes there again.
  const lost = await runCli(['run', 'echo', '1', ...nodes]);
  t.match(lost.stderr, `job ${id} was lost with its node: it is submitted again`);
  t.equal(lost.stdout, '"again"\n');
  const [run] = first.lines;
  t.match(run, /^RUN echo stream=yes key=\S{26} 1$/);
  t.strictSame(second.lines, [`WATCH ${id}`, run], 'the same job, by its key');
  await first.close();
  await second.close();
});

t.test('run that can not learn the outcome says which job it is, and where to ask for it', async (t) => {
  const advice = `rondo: job ${id} was submitted and may go on; ask another node for its outcome: \`rondo wait ${id} --node HOST:PORT\`\n`;
  const dying = await startScriptedServer(({ tag, socket }) => {
    socket.write(`@${tag} ${begun(tag)} * progress 1\n`, () => void dying.close());
    return null;
  });
  const toldLost = async (): Promise<void> => {
    const lost = await runCli(['run', 'echo', '--node', dying.address]);
    t.strictSame([lost.code, lost.stdout], [1, '']);
    t.match(lost.stderr, `rondo: no node answers at ${dying.address} (connection refused)`);
    t.ok(lost.stderr.endsWith(advice));
  };
  const script: Script = ({ tag }) => `${begun(tag)} ERR UNAVAILABLE node b does not answer`;
  const toldUnavailable = withScript(script, async (node) => {
    const { code, stderr } = await runCli(['run', 'echo', '--node', node]);
    t.equal(code, 1);
    t.equal(stderr, `rondo: node b does not answer (UNAVAILABLE)\n${advice}`);
  });
  await Promise.all([toldLost(), toldUnavailable]);
  await withScript(
    () => 'ERR UNKNOWN_TASK no node offers it',
    async (node) => {
      t.notMatch((await runCli(['run', 'echo', '--node', node])).stderr, /was submitted/, 'there is no job');
    },
  );
});

t.test('submit and run tell what is over the limits of the node as that', async (t) => {
  const node = await start(t, { limits: { lineBytesMax: 1024, bodyBytesMax: 4096 } });
  for (const command of ['submit', 'run']) {
    const args = [command, 'echo', `"${'x'.repeat(5_000)}"`, '--node', node.address];
    t.strictSame(await runCli(args), {
      code: 1,
      stdout: '',
      stderr:
        'rondo: the arguments are 5002 bytes; this node takes at most 4096 (BODY_TOO_LARGE): hand over where the data is (a path, a URL), or raise `limits.bodyBytes` of the node\n',
    });
  }
});

t.test('of a job whose dependency failed it is told what to retry, and in which order', async (t) => {
  const first = '0c4k2jq9t1vb-7h2pa-9';
  const cases: [message: string, advice: string][] = [
    [
      `job ${first}, which this one comes after, failed: Error: x`,
      `run them again in this order: \`rondo retry ${first}\`, \`rondo retry ${id}\``,
    ],
    [
      `job ${first}, which this one comes after, failed: DependencyFailed: job 0c4k2`,
      'run the job that failed by itself again first, then those after it, this one last',
    ],
  ];
  for (const [message, advice] of cases) {
    const error = JSON.stringify({ id, name: 'DependencyFailed', message, attempts: 0 });
    await withScript(
      () => `ERR JOB_FAILED ${error}`,
      async (node) => {
        const { stderr } = await runCli(['wait', id, '--node', node]);
        t.equal(
          stderr,
          `rondo: job ${id} failed after 0 attempts: DependencyFailed: ${message}; ${advice}\n`,
        );
      },
    );
  }
});

t.test('Ctrl-C leaves the job of run alone and says how to stop it, or stops it when told to', async (t) => {
  let interrupt = (): void => {};
  const script: Script = ({ verb, tag, socket }) => {
    if (verb !== 'RUN') return 'OK';
    socket.write(`@${tag} ${begun(tag)} * data 1\n`);
    return null;
  };
  await withScript(script, async (node, lines) => {
    const args = ['run', 'sleep', '--node', node];
    const options = {
      onStart: (child: { kill(signal: 'SIGINT'): boolean }) => {
        interrupt = () => void child.kill('SIGINT');
      },
      // Only then it has heard of its job.
      onStdout: () => interrupt(),
    };
    const left = await runCli(args, options);
    t.equal(left.code, 130);
    t.match(
      left.stderr,
      `job ${id} goes on; see it with \`rondo status ${id}\`, stop it with \`rondo cancel ${id}\``,
    );
    t.notMatch(lines, [`CANCEL ${id}`]);
    const cancelled = await runCli([...args, '--cancel-on-interrupt'], options);
    t.equal(cancelled.code, 130);
    t.match(cancelled.stderr, `job ${id} is cancelled`);
    t.equal(lines.at(-1), `CANCEL ${id}`);
  });
});

t.test('wait gives up when told to, and the job goes on', async (t) => {
  await withScript(
    () => 'ERR TIMEOUT the time is over',
    async (node, lines) => {
      const result = await runCli(['wait', id, '--timeout', '1s', '--node', node]);
      t.strictSame(result, {
        code: 1,
        stdout: '',
        stderr: `rondo: job ${id} is not finished after 1s; it goes on\n`,
      });
      t.strictSame(lines, [`WAIT ${id} timeout=1s`]);
    },
  );
});

t.test('status shows fields for people and JSON for programs', async (t) => {
  const status = `{"id":"${id}","task":"echo","state":"failed","attempts":1,"owner":"a","executor":null,"holders":["a","b"],"error":{"name":"Error","message":"no"}}`;
  await withScript(
    () => `OK ${status}`,
    async (node) => {
      const plain = await runCli(['status', id, '--node', node]);
      t.match(plain.stdout, /^state {5}failed$/m);
      t.match(plain.stdout, /^holders {3}a, b$/m);
      t.match(plain.stdout, /^error {5}Error: no$/m);
      t.equal((await runCli(['status', id, '--json', '--node', node])).stdout, `${status}\n`);
    },
  );
});

t.test('cancel and retry ask for that, and a job nobody knows is an error', async (t) => {
  const script: Script = ({ verb }) => (verb === 'CANCEL' ? 'OK' : 'ERR NOT_FOUND no such job');
  await withScript(script, async (node, lines) => {
    t.equal((await runCli(['cancel', id, '--node', node])).stdout, `job ${id} is cancelled\n`);
    const missing = await runCli(['retry', id, '--node', node]);
    t.equal(missing.code, 1);
    t.match(missing.stderr, /no such job \(NOT_FOUND\): `rondo jobs` lists those that are known/);
    t.strictSame(lines, [`CANCEL ${id}`, `STATUS ${id}`, `RETRY ${id}`]);
  });
});

t.test('drain, resume and leave name the node that they mean', async (t) => {
  await withScript(
    () => 'OK',
    async (node, lines) => {
      t.match((await runCli(['drain', 'worker-3', '--node', node])).stdout, /^node worker-3 drains/);
      t.match((await runCli(['resume', '--node', node])).stdout, `node at ${node} takes jobs again`);
      t.match((await runCli(['leave', '--node', node])).stdout, `node at ${node} leaves`);
      t.strictSame(lines, ['DRAIN worker-3', 'RESUME', 'LEAVE']);
    },
  );
});

t.test('a command that draining nodes refuse says how they take jobs again', async (t) => {
  const reason =
    'no node takes new jobs, as all of them drain or leave: RESUME one that drains, or start another';
  await withScript(
    () => `ERR DRAINING ${reason}`,
    async (node) => {
      const { stderr } = await runCli(['submit', 'echo', '--node', node]);
      t.match(stderr, `rondo: ${reason} (DRAINING): `);
      t.match(stderr, 'have one take jobs again with `rondo resume NAME`');
    },
  );
});

t.test('leave tells how many jobs no other node goes on with, and how many of them are lost', async (t) => {
  const begin = '3 of its 12 unfinished jobs will not be run in 30s, and no other node holds them: ';
  for (const [plan, says] of [
    ['"dropped":3,"lost":0', `${begin}3 are in its journal, and go on when it starts again\n`],
    [
      '"dropped":3,"lost":1',
      `${begin}2 are in its journal, and go on when it starts again; 1 is lost: submit it again elsewhere\n`,
    ],
    ['"dropped":3,"lost":3', `${begin}3 are lost: submit them again elsewhere\n`],
    // A node of an earlier version.
    ['"dropped":3', `${begin}durable ones go on when it starts again, the others are lost\n`],
    ['"dropped":0,"lost":0', ''],
  ] as const) {
    await withScript(
      () => `OK {"unfinished":12,${plan},"drainTimeoutMs":30000}`,
      async (node) => {
        const { stdout, code } = await runCli(['leave', '--node', node]);
        t.equal(code, 0);
        t.equal(stdout.split('\n').slice(1).join('\n'), says);
      },
    );
  }
});

const members = JSON.stringify([
  {
    id: '0c4k2jq9t1vb',
    name: 'a',
    state: 'alive',
    incarnation: 1048576,
    address: '127.0.0.1:7410',
    client: '127.0.0.1:7411',
    tags: { zone: 'eu' },
    tasks: ['echo', 'sleep'],
    draining: false,
    journal: 'open',
  },
]);

t.test('lists are aligned columns in a pipe, a table on a terminal, JSON when asked', async (t) => {
  const script: Script = ({ verb }) => {
    if (verb === 'NODES') return `OK ${members}`;
    if (verb === 'TASKS') return 'OK [{"name":"echo","nodes":["a","b"]}]';
    if (verb === 'INFO') return 'OK {"name":"a","jobs":{"queued":1}}';
    return `OK [{"id":"${id}","task":"echo","state":"failed","attempts":1,"owner":"a","executor":null,"createdAt":"T","error":{"name":"E","message":"m"}}]`;
  };
  await withScript(script, async (node, lines) => {
    const env = { RONDO_NODE: node };
    t.equal(
      (await runCli(['nodes'], { env })).stdout,
      'NAME  STATE  ADDRESS         CLIENT          TASKS        DRAINING  JOURNAL  TAGS     INCARNATION\n' +
        'a     alive  127.0.0.1:7410  127.0.0.1:7411  echo, sleep  no        open     zone=eu  1048576\n',
    );
    t.equal((await runCli(['nodes', '--json'], { env })).stdout, `${members}\n`);
    t.equal((await runCli(['tasks'], { env })).stdout, 'NAME  NODES\necho  a, b\n');
    t.equal((await runCli(['info'], { env })).stdout, 'name         a\njobs.queued  1\n');
    t.match(
      (await runCli(['jobs', '--state', 'failed', '--task', 'echo', '--limit', '5'], { env })).stdout,
      /E: m\n$/,
    );
    t.equal(lines.at(-1), 'JOBS state=failed task=echo limit=5');
  });
});

t.test('a terminal gets a table with colours, and none with NO_COLOR', async (t) => {
  await withScript(
    () => `OK ${members}`,
    async (node) => {
      const line = 'script -qec "$(declare -f rondo); rondo nodes" /dev/null';
      const env = { RONDO_NODE: node, SHELL: '/bin/bash' };
      const coloured = await runShell(line, { env });
      t.match(coloured.stdout, '\u001b[32malive\u001b[0m');
      t.match(coloured.stdout, '│');
      const plain = await runShell(line, { env: { ...env, NO_COLOR: '1' } });
      t.match(plain.stdout, /│ alive +│/);
      t.notOk(plain.stdout.includes('\u001b'));
    },
  );
});

t.test('a reader that has seen enough ends the command quietly', async (t) => {
  const many = JSON.stringify(
    Array.from({ length: 20_000 }, (_, index) => ({ id: String(index), task: 'echo' })),
  );
  await withScript(
    () => `OK ${many}`,
    async (node) => {
      const result = await runShell('rondo jobs | head -1; exit $PIPESTATUS', {
        env: { RONDO_NODE: node },
      });
      t.match(result, { code: 0, stderr: '' });
      t.match(result.stdout, /^ID .*\n$/);
    },
  );
});

t.test('start tells why there is no node, without a stack', async (t) => {
  const result = await runCli(['start', '--listen', 'nowhere']);
  t.not(result.code, 0);
  t.notMatch(result.stderr, /\n {4}at /);
});
