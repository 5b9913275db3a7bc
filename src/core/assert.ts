/** Stops at a programmer's error, with the state that shows it. Never used for bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) fail(message);
}

/** The same where the message would have to be made for every job. */
export function fail(message: string): never {
  throw new Error(`assertion failed: ${message}`);
}

/** Ends a `switch` over a union: a member that is not handled fails to compile. */
export function assertNever(value: never): never {
  throw new Error(`not handled: ${JSON.stringify(value)}`);
}
