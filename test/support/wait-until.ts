export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Waits until what is looked at has stayed the same for half a second or more, and gives it. */
export async function untilStill<Value>(
  description: string,
  look: () => Value | Promise<Value>,
  options: WaitOptions = {},
): Promise<Value> {
  let last = await look();
  let sinceMs = performance.now();
  const isStill = async (): Promise<boolean> => {
    const value = await look();
    if (value !== last) sinceMs = performance.now();
    last = value;
    return performance.now() - sinceMs >= stillMs;
  };
  await waitUntil(`${description} stands still`, isStill, { everyMs: 50, ...options });
  return last;
}

const stillMs = 500;
const defaultTimeoutMs = 10_000;
const defaultEveryMs = 20;

/**
 * Asks again and again until the answer is neither false nor null nor undefined, and gives that answer; rejects
 * with the description, and with the last thing that went wrong, when it takes longer than `timeoutMs`.
 */
export async function waitUntil<Answer>(
  description: string,
  condition: () => Answer | Promise<Answer>,
  { timeoutMs = defaultTimeoutMs, everyMs = defaultEveryMs }: WaitOptions = {},
): Promise<Exclude<Answer, false | null | undefined>> {
  const deadlineMs = performance.now() + timeoutMs;
  let fault: unknown = null;
  for (;;) {
    try {
      const answer = await condition();
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<Answer, false | null | undefined>;
      }
      fault = null;
    } catch (error) {
      fault = error;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`waited ${timeoutMs} ms in vain until ${description}`, { cause: fault });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
