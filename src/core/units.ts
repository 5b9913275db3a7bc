/** Milliseconds of a text such as `250ms`, `30s`, `5m`, `2h`; null when it isn't one. Its range is for the caller to check: many digits are Infinity. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  return match === null ? null : Number(match[1]) * (durationUnits.get(match[2] as string) as number);
}

/** The shortest text that `parseDuration` reads as `ms`: `formatDuration(90_000)` is `90s`. */
export function formatDuration(ms: number): string {
  const wholeMs = Math.round(ms);
  const units = [...durationUnits].reverse();
  const [unit, size] = units.find(([, size]) => wholeMs !== 0 && wholeMs % size === 0) ?? ['ms', 1];
  return `${wholeMs / size}${unit}`;
}

/** Bytes of a text such as `65536`, `64KiB`, `16MiB` (powers of 1024) or `500MB` (powers of 1000); null when it isn't one. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,15}) ?(B|kB|KB|KiB|MB|MiB|GB|GiB)?$/.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * (sizeUnits.get(match[2] ?? 'B') as number);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest text in powers of 1024 that `parseSize` reads as `bytes`: `formatSize(65_536)` is `64KiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = sizeUnits.get(unit) as number;
    if (bytes !== 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1_000],
  ['KB', 1_000],
  ['KiB', 2 ** 10],
  ['MB', 1_000 ** 2],
  ['MiB', 2 ** 20],
  ['GB', 1_000 ** 3],
  ['GiB', 2 ** 30],
]);
