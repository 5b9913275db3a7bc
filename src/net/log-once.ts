/** Where the network writes what people should know; a pino logger is one. */
export interface NetworkLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

const quietMs = 60_000;
const subjectsMax = 1_024;

/**
 * Warns about each subject at most once a minute, so that whoever misbehaves a thousand times a second fills no disk.
 * The next warning says how many were left out.
 */
export class LogOnce {
  readonly #log: NetworkLog;
  readonly #nowMs: () => number;
  readonly #subjects = new Map<string, { saidAtMs: number; leftOut: number }>();

  constructor(log: NetworkLog, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  warn(subject: string, fields: object, text: string): void {
    const nowMs = this.#nowMs();
    const seen = this.#subjects.get(subject);
    if (seen !== undefined && nowMs - seen.saidAtMs < quietMs) {
      seen.leftOut++;
      return;
    }
    // Deleted first, so that the map stays ordered by when each was said and its first is the oldest.
    this.#subjects.delete(subject);
    this.#subjects.set(subject, { saidAtMs: nowMs, leftOut: 0 });
    if (this.#subjects.size > subjectsMax) this.#subjects.delete(this.#subjects.keys().next().value ?? '');
    this.#log.warn(seen && seen.leftOut > 0 ? { ...fields, leftOut: seen.leftOut } : fields, text);
  }
}
