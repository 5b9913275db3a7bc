import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startBash } from '../support/bash-session.js';
import { matchesTour, parseTour, type TourStep } from '../support/tour.js';
import { waitUntil } from '../support/wait-until.js';

// It takes some 25 s, most of them because the tour sleeps so that a reader can type.
t.setTimeout(150_000);

const steps = parseTour(readFileSync('README.md', 'utf8'));
const lineTimeoutMs = 60_000;
const endTimeoutMs = 15_000;
/** The default ports, and those that the tour names. */
const ports = [7410, 7411, 7412, 7420, 7421];

/** A machine with only Node and npm may have no netcat; where everything has to be tested, there is one. */
const hasNetcat = spawnSync('bash', ['-c', 'command -v nc']).status === 0;

/** As a new user has it: a home of their own, and no settings of whoever runs the tests. */
function newcomersEnvironment(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(RONDO_|XDG_|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(own), HOME: home, XDG_DATA_HOME: join(home, 'data'), LC_ALL: 'C' };
}

/** Those of these ports of the loopback address that something listens on. */
async function portsInUse(): Promise<number[]> {
  const inUse: number[] = [];
  for (const port of ports) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (!isFree) inUse.push(port);
  }
  return inUse;
}

function isPlayed({ command }: TourStep): boolean {
  return hasNetcat || !/\| nc /.test(command);
}

t.test(
  'the tour of the README prints what it shows, typed line by line, and leaves nothing behind',
  async (t) => {
    t.ok(steps.length > 15, 'the tour is there');
    t.ok(hasNetcat || process.env.CI !== 'true', 'nc is there: bash scripts/install-debian-packages.sh');
    const taken = await portsInUse();
    t.same(taken, [], 'the ports that the tour uses are free: end what listens on them to test the tour');
    if (taken.length > 0) return;
    const home = mkdtempSync(join(tmpdir(), 'rondo-tour-home-'));
    const bash = startBash({ directory: process.cwd(), env: newcomersEnvironment(home), lineTimeoutMs });
    t.teardown(async () => {
      await bash.end();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    });
    for (const step of steps) {
      if (!isPlayed(step)) {
        t.comment(`nc is not on this machine: ${step.command}`);
        continue;
      }
      const printed = await bash.type(step.command);
      const isAsShown = matchesTour(step.expected, printed);
      t.ok(isAsShown, `line ${step.line}: ${step.command}`, { found: printed, wanted: step.expected });
      // What comes after would only repeat that.
      if (!isAsShown) return;
    }
    await waitUntil('every node has ended', async () => (await bash.leftBehind()).length === 0, {
      timeoutMs: endTimeoutMs,
    });
  },
);
