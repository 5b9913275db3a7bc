/** A thousand calls may share a signal, and a signal with more than ten listeners is warned of: so each has one, for all of them. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** The answer, or a rejection with the signal's reason as soon as it fires. What becomes of the answer then is nobody's business. */
export function untilAborted<Value>(answer: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const off = onAbort(signal, () => reject(signal.reason));
    answer.then(resolve, reject).finally(off);
  });
}

/** Has `listener` called once the signal fires; gives what takes it back. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  let all = listeners.get(signal);
  if (all === undefined) {
    const called = new Set<() => void>();
    signal.addEventListener('abort', () => {
      for (const each of called) each();
    });
    listeners.set(signal, called);
    all = called;
  }
  all.add(listener);
  return () => void all.delete(listener);
}
