import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import type { NodeEvent } from '../../src/core/effects.js';
import type { NodeCore } from '../../src/core/node/node-core.js';
import { Driver, type DriverParts } from '../../src/node/driver.js';

/** Performs nothing: these cores have no effects. */
const noParts = {} as DriverParts;
/** Timers count whole milliseconds, and from the start of a turn of the event loop. */
const timerSlackMs = 2;
const anyEvent: NodeEvent = { type: 'leave' };

/** A core whose deadline the test sets, with the time of its first tick after the start. */
function scriptedCore(deadlineMs: number) {
  let ticked: (atMs: number) => void = () => {};
  const firstTickMs = new Promise<number>((resolve) => {
    ticked = resolve;
  });
  const core = {
    deadlineMs,
    firstTickMs,
    start: () => [],
    step: (event: NodeEvent) => {
      if (event.type === 'tick') ticked(performance.now());
      return [];
    },
    nextDeadlineMs: () => core.deadlineMs,
  };
  return core;
}

function drive(t: Test, core: ReturnType<typeof scriptedCore>): Driver {
  const driver = new Driver();
  t.teardown(() => driver.stop());
  driver.start(core as unknown as NodeCore, noParts);
  return driver;
}

t.test('a deadline that moves far away takes its tick along', async (t) => {
  const startMs = performance.now();
  const core = scriptedCore(startMs + 60);
  const driver = drive(t, core);
  core.deadlineMs = startMs + 250;
  driver.handle(anyEvent);
  t.ok((await core.firstTickMs) >= startMs + 250 - timerSlackMs, 'it sleeps until the new one');
});

t.test('a deadline that comes nearer has its tick sooner', async (t) => {
  const startMs = performance.now();
  const core = scriptedCore(Number.POSITIVE_INFINITY);
  const driver = drive(t, core);
  core.deadlineMs = startMs + 20;
  driver.handle(anyEvent);
  const lateMs = (await core.firstTickMs) - core.deadlineMs;
  t.ok(lateMs >= -timerSlackMs && lateMs < 900, 'not at the longest pause between two ticks');
});

t.test('what has arrived when a tick is due is handled before it', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const sender = connect(port, '127.0.0.1');
  const [receiver] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => {
    sender.destroy();
    receiver.destroy();
    server.close();
  });
  const order: string[] = [];
  const core = scriptedCore(performance.now() + 20);
  const driver = drive(t, {
    ...core,
    step: (event: NodeEvent) => {
      order.push(event.type);
      return core.step(event);
    },
  });
  receiver.on('data', () => driver.handle(anyEvent));
  // The arming is done, and the loop stands still until both the tick is due and the bytes are there.
  await new Promise((resolve) => setImmediate(resolve));
  sender.write('x');
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs);
  await core.firstTickMs;
  t.same(order.slice(0, 2), [anyEvent.type, 'tick']);
});

t.test('a deadline that is over is not ticked for without pause', async (t) => {
  const startMs = performance.now();
  const core = scriptedCore(0);
  drive(t, core);
  t.ok((await core.firstTickMs) >= startMs + 5 - timerSlackMs, 'but after the shortest pause');
});

t.test('what comes at one time happens at one time, after the tick that a standstill owes', async (t) => {
  const steps: { readonly type: string; readonly atMs: number }[] = [];
  const core = {
    deadlineMs: performance.now() + 10,
    start: () => [],
    step: (event: NodeEvent, { monotonicMs }: { monotonicMs: number }) => {
      steps.push({ type: event.type, atMs: monotonicMs });
      return [];
    },
    nextDeadlineMs: () => core.deadlineMs,
  };
  const driver = new Driver();
  t.teardown(() => driver.stop());
  driver.start(core as unknown as NodeCore, noParts);
  const untilMs = performance.now() + 1_200;
  // The whole process stands still.
  while (performance.now() < untilMs);
  driver.atOneTime(() => {
    driver.handle(anyEvent);
    const nextMs = performance.now() + 3;
    while (performance.now() < nextMs);
    driver.atOneTime(() => driver.handle(anyEvent));
  });
  t.same(
    steps.map(({ type }) => type),
    ['tick', anyEvent.type, anyEvent.type],
  );
  t.equal(steps[1]?.atMs, steps[2]?.atMs);
  driver.handle(anyEvent);
  t.ok((steps[3]?.atMs ?? 0) > (steps[2]?.atMs ?? 0), 'what follows by itself has a time of its own');
});
