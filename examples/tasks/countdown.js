import { setTimeout as delay } from 'node:timers/promises';

/** Yields the numbers from `from` down to 1, one every `everyMs`: `rondo run countdown '{"from":3,"everyMs":1000}'`. */
export default async function* countdown({ from, everyMs = 0 }, ctx) {
  for (let number = from; number > 0; number--) {
    if (everyMs > 0) await delay(everyMs, undefined, { signal: ctx.signal });
    ctx.progress({ left: number - 1 });
    yield number;
  }
  return 'lift-off';
}
