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

for (const nc of ['nc -N', 'ncat']) {
  t.test(`${nc} gets the reply to every line of a file, though it closes its side at once`, (t) => {
    const output = bash(`printf 'PING\\nRUN echo {"n":1}\\nRUN echo node=b {"n":2}\\n' | ${nc} $HOST $PORT`);
    t.equal(output, 'OK pong\nOK {"n":1}\nOK {"n":2}\n');
    t.end();
  });
}

t.test('ten thousand lines piped through nc get ten thousand replies in their order', (t) => {
  const output = bash('for i in $(seq 10000); do echo "RUN echo $i"; done | nc -N $HOST $PORT');
  t.equal(output, Array.from({ length: 10_000 }, (_, index) => `OK ${index + 1}\n`).join(''));
  t.end();
});

t.test("bash's /dev/tcp is a client", (t) => {
  const script = `exec 3<>/dev/tcp/$HOST/$PORT
    echo PING >&3; read -r reply <&3; echo "$reply"
    echo '@job RUN echo {"from":"bash"}' >&3; read -r reply <&3; echo "$reply"
    printf 'quit\\r\\n' >&3; cat <&3`;
  t.match(bash(script).split('\n'), ['OK pong', '@job OK {"from":"bash"}', /^OK/]);
  t.end();
});

t.test('a body after the line is read by its announced bytes', (t) => {
  t.equal(bash(`printf 'RUN echo bytes=7\\n{"n":1}\\nPING\\n' | nc -N $HOST $PORT`), 'OK {"n":1}\nOK pong\n');
  t.end();
});

t.test('wrong lines get an error each, and the connection goes on', (t) => {
  const output = bash(`printf 'FLY\\nRUN nothing-offers-this {}\\nRUN echo {\\nPING\\n' | nc -N $HOST $PORT`);
  const codes = output
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').slice(0, 2).join(' '));
  t.same(codes, ['ERR UNKNOWN_VERB', 'ERR UNKNOWN_TASK', 'ERR BAD_JSON', 'OK pong']);
  t.end();
});

t.test('HTTP on the line port is told so', (t) => {
  t.match(
    bash(`printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc -N $HOST $PORT`),
    /^ERR WRONG_PROTOCOL /,
  );
  t.end();
});
