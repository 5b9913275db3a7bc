const cycle = {};
cycle.self = cycle;

// Ways in which a handler can be no good; the argument names one.
const ways = {
  string: () => {
    throw 'just text';
  },
  undefined: () => Promise.reject(undefined),
  function: () => () => 1,
  bigint: () => 7n,
  cycle: () => cycle,
  megabytes: () => 'x'.repeat(100 * 1024 * 1024),
  late: (ctx) => {
    setImmediate(() => ctx.progress('after the end'));
    return 'ended';
  },
  lateStream: async function* (ctx) {
    yield 'first';
    for (let count = 0; count < 100; count++) setImmediate(() => ctx.progress('after the end'));
    return 'ended';
  },
  hugeChunk: async function* () {
    yield 'first';
    yield Buffer.alloc(16 * 1024 * 1024 + 1);
  },
  endlessStream: async function* (ctx) {
    for (let number = 1; ; number++) {
      yield 'x'.repeat(10_000);
      ctx.progress(number);
    }
  },
  exit: () => process.exit(3),
  memory: () => {
    const kept = [];
    for (;;) kept.push(new Array(10_000).fill(kept.length));
  },
  unhandled: () => {
    void Promise.reject(new Error('nobody listens'));
    return new Promise(() => {});
  },
  busy: async (ctx) => {
    ctx.progress('busy');
    // What a thread has said leaves it with its event loop's next turns.
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (;;);
  },
};

export default (way, ctx) => ways[way](ctx);
