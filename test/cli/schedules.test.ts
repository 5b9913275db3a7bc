import t from 'tap';
import { clusterFor } from '../support/cluster-for.js';
import { runCli, runShell } from '../support/run-cli.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { waitUntil } from '../support/wait-until.js';

type Row = Readonly<Record<string, unknown>>;

t.test('a schedule fires at its times until it is cancelled, and is listed at every node', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2, names: ['a', 'b'] });
  const [a, b] = nodes.map(({ client }) => ({ env: { RONDO_NODE: client } }));
  const schedule = await runCli(['schedule', 'echo', '* * * * * *', '"tick"', '--key', 'clock'], a);
  t.equal(schedule.stderr, '');
  const id = schedule.stdout.trim();
  const again = await runCli(['schedule', 'echo', '* * * * * *', '"tick"', '--key', 'clock'], b);
  t.equal(again.stdout.trim(), id);

  let row: Row = {};
  const listed = async (): Promise<boolean> => {
    const rows = JSON.parse((await runCli(['schedules', '--json'], b)).stdout) as Row[];
    t.equal(rows.length, 1);
    row = rows[0] ?? {};
    return Number(row.fired) >= 2;
  };
  await waitUntil('it has fired twice', listed);
  t.match(row, { id, task: 'echo', cron: '* * * * * *', zone: 'UTC', state: 'delayed' });
  t.ok(Date.parse(String(row.next)) - Date.parse(String(row.last)) >= 1_000);
  const last = await runCli(['wait', String(row.lastJob)], a);
  t.strictSame(last, { code: 0, stdout: '"tick"\n', stderr: '' });

  t.match(await runShell(`rondo schedules | grep -c ${id}; rondo cancel ${id}`, a), {
    code: 0,
    stdout: /^1\n/,
  });
  t.equal((await runCli(['schedules', '--json'], a)).stdout, '[]\n');
});

t.test('jobs after others run when these are done', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2, names: ['a', 'b'] });
  const [a, b] = nodes.map(({ client }) => ({ env: { RONDO_NODE: client } }));
  const first = (await runCli(['submit', 'sleep', '4000'], a)).stdout.trim();
  const second = (await runCli(['submit', 'echo', '2', '--after', first], b)).stdout.trim();
  t.match(await runCli(['status', second], a), {
    stdout: new RegExp(`waiting +comes after ${first}, not done yet`),
  });
  t.equal((await runCli(['run', 'echo', '3', '--after', `${first},${second}`], a)).stdout, '3\n');
});

t.test('ids of --after may have blanks beside their commas', async (t) => {
  const server = await startScriptedServer(() => 'OK 0c4k2jq9t1vb-7h2pa-3 copies=1 durable=no');
  const env = { RONDO_NODE: server.address };
  const after = ' 0c4k2jq9t1vb-7h2pa-1, 0c4k2jq9t1vb-7h2pa-2 ';
  t.equal((await runCli(['submit', 'echo', '--after', after], { env })).stderr, '');
  t.strictSame(server.lines, ['SUBMIT echo after=0c4k2jq9t1vb-7h2pa-1,0c4k2jq9t1vb-7h2pa-2']);
  const { code, stderr } = await runCli(['submit', 'echo', '--after', '0c4k2jq9t1vb-7h2pa-1,'], { env });
  t.equal(code, 2);
  t.match(stderr, '"" is no job id');
  await server.close();
});

t.test('a cron expression in quotes is one word on the line, and what won’t do is told', async (t) => {
  const server = await startScriptedServer(() => 'OK 0c4k2jq9t1vb-7h2pa-1 copies=1 durable=no');
  const env = { RONDO_NODE: server.address };
  const flags = '--zone Europe/Berlin --priority 3 --on zone=eu --key k'.split(' ');
  await runCli(['schedule', 'echo', ' 30  8 * * MON-FRI', '1', ...flags], { env });
  t.strictSame(server.lines, [
    'SCHEDULE echo priority=3 key=k on=zone=eu cron=30_8_*_*_MON-FRI zone=Europe/Berlin 1',
  ]);
  for (const wrong of [
    ['schedule', 'echo', '@hourly', '--delay', '1s'],
    ['submit', 'echo', '--after', 'nonsense'],
  ]) {
    const { code, stderr } = await runCli(wrong, { env });
    t.equal(code, 2);
    t.match(stderr, /^rondo: /);
  }
  await server.close();
});

t.test('an expression that is wrong is refused with the reason, and exit code 2', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 1, names: ['a'] });
  const env = { RONDO_NODE: nodes[0]?.client ?? '' };
  const cases: [string[], RegExp][] = [
    [['61 * * * *'], /cron=: "61 \* \* \* \*" won't do: "61" is no minute: give 0 to 59/],
    [['0 0 30 2 *'], /no such day ever comes/],
    [['  '], /CRON is empty: give /],
    [
      ['@hourly', '--zone', 'Mars/Base'],
      /zone=: "Mars\/Base" won't do: no such time zone: give an IANA name/,
    ],
    [['@hourly', '--zone', ''], /--zone.* give an IANA name like Europe\/Berlin/],
    [['@hourly', '--zone', 'Europe/Berlin '], /--zone.* give an IANA name like Europe\/Berlin/],
  ];
  for (const [[cron = '', ...flags], reason] of cases) {
    const { code, stderr } = await runCli(['schedule', 'echo', cron, 'null', ...flags], { env });
    t.equal(code, 2, stderr);
    t.match(stderr, reason);
  }
});

t.test('who retries a schedule is told what to retry instead', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 1, names: ['a'] });
  const env = { RONDO_NODE: nodes[0]?.client ?? '' };
  const id = (await runCli(['schedule', 'echo', '@yearly'], { env })).stdout.trim();
  const { code, stderr } = await runCli(['retry', id], { env });
  t.equal(code, 1);
  const what = `${id} is a schedule, which never runs itself: retry the job of it that failed`;
  t.equal(stderr, `rondo: ${what}; \`rondo jobs --state failed --task echo\` lists them (WRONG_STATE)\n`);
});
