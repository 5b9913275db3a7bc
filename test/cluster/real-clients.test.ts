import { spawnSync } from 'node:child_process';
import t from 'tap';
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.js';
import { parseAddress } from '../support/line-connection.js';

let cluster: Cluster;

t.before(async () => {
  cluster = await startCluster({ nodes: 2, names: ['a', 'b'] });
});
t.teardown(() => cluster.stop());

/** Runs a line of bash with HOST and PORT set to the client port, and gives what it wrote. */
function bash(script: string): string {
  const { host, port } = parseAddress((cluster.nodes[0] as ClusterNode).client);
  const { stdout, stderr, error, signal } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: { ...process.env, HOST: host, PORT: String(port) },
    timeout: 20_000,
  });
  if (error !== undefined || signal !== null)
    throw new Error(`${script}: ${error?.message ?? signal}: ${stderr}`);
  return stdout;
}

/**
 * The netcats of this machine that half-close when their input ends. A machine with only Node and npm may have none;
 * where everything has to be tested, scripts/install-debian-packages.sh has brought both.
 */
const netcats = ['nc -N', 'ncat'].filter((command) => {
  const { stdout, stderr } = spawnSync('bash', ['-c', `${command.split(' ')[0]} -h`], { encoding: 'utf8' });
  const isThere = command === 'ncat' ? /ncat/i.test(stdout) : /-N\b|\[-\w*N/.test(stderr);
  if (!isThere) t.comment(`${command} is not on this machine, and so not tested`);
  return isThere;
});

t.test('both netcats are there where everything has to be tested', (t) => {
  if (process.env.CI === 'true')
    t.same(netcats, ['nc -N', 'ncat'], 'bash scripts/install-debian-packages.sh');
  else t.pass('this is no such place');
  t.end();
});

for (const netcat of netcats) {
  t.test(`${netcat} gets the reply to every line of a file, though it closes its side at once`, (t) => {
    const output = bash(
      `printf 'PING\\nRUN echo {"n":1}\\nRUN echo node=b {"n":2}\\n' | ${netcat} $HOST $PORT`,
    );
    t.equal(output, 'OK pong\nOK {"n":1}\nOK {"n":2}\n');
    t.end();
  });

  t.test(`ten thousand lines piped through ${netcat} get ten thousand replies in their order`, (t) => {
    const output = bash(`for i in $(seq 10000); do echo "RUN echo $i"; done | ${netcat} $HOST $PORT`);
    t.equal(output, Array.from({ length: 10_000 }, (_, index) => `OK ${index + 1}\n`).join(''));
    t.end();
  });
}

t.test("bash's /dev/tcp is a client", (t) => {
  const script = `exec 3<>/dev/tcp/$HOST/$PORT
    echo PING >&3; read -r reply <&3; echo "$reply"
    echo '@job RUN echo {"from":"bash"}' >&3; read -r reply <&3; echo "$reply"
    printf 'quit\\r\\n' >&3; cat <&3`;
  t.match(bash(script).split('\n'), ['OK pong', '@job OK {"from":"bash"}', /^OK/]);
  t.end();
});

/** Sends these bytes through bash's /dev/tcp, in printf's spelling, and gives all that the node says until it closes. */
function talk(text: string): string {
  return bash(`exec 3<>/dev/tcp/$HOST/$PORT; printf '${text}' >&3; cat <&3`);
}

t.test('a body after the line is read by its announced bytes', (t) => {
  t.match(talk('RUN echo bytes=7\\n{"n":1}\\nPING\\nQUIT\\n').split('\n'), ['OK {"n":1}', 'OK pong', /^OK/]);
  t.end();
});

t.test('wrong lines get an error each, and the connection goes on', (t) => {
  const replies = talk('FLY\\nRUN nothing-offers-this {}\\nRUN echo {\\nPING\\nQUIT\\n')
    .trimEnd()
    .split('\n');
  const codes = replies.slice(0, 4).map((reply) => reply.split(' ').slice(0, 2).join(' '));
  t.same(codes, ['ERR UNKNOWN_VERB', 'ERR UNKNOWN_TASK', 'ERR BAD_JSON', 'OK pong']);
  t.end();
});

t.test('HTTP on the line port is told so, and the connection is closed', (t) => {
  t.match(talk('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'), /^ERR WRONG_PROTOCOL /);
  t.end();
});
