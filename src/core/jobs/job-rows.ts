import { limits } from '../limits.js';

/** One job in a list. Its text, an object as STATUS shows it, is passed on as it stands. */
export interface JobRow {
  readonly createdAt: string;
  readonly text: string;
}

/** Whether a list takes one more row. The row that takes it over its length is in it still: so a cut list of one node cuts the cluster's there, too. */
export function takesMore(rows: { readonly count: number; readonly length: number }, limit: number): boolean {
  return rows.count < limit && rows.length < limits.jobListLengthMax;
}

/** The newest of these, as many as one list may have. */
export function newestOf(rows: JobRow[], limit: number): JobRow[] {
  rows.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
  let count = 0;
  for (let length = 0; count < rows.length && takesMore({ count, length }, limit); count++) {
    length += (rows[count] as JobRow).text.length;
  }
  return rows.slice(0, count);
}

/** The list as a client gets it. */
export function arrayText(rows: readonly JobRow[]): string {
  return `[${rows.map(({ text }) => text).join()}]`;
}

/** The list as another node gets it: a row a line, so that none of them has to be taken apart and put together again. */
export function linesText(rows: readonly JobRow[]): string {
  return rows.map(({ text }) => text).join('\n');
}

/** What another node lists. It may answer anything: what is no row is left out. */
export function rowsOfLines(
  lines: string,
  { limit, schedules }: { readonly limit: number; readonly schedules?: true },
): JobRow[] {
  const rows: JobRow[] = [];
  let length = 0;
  for (const text of lines.split('\n', limit)) {
    if (!takesMore({ count: rows.length, length }, limit)) break;
    length += text.length;
    const row = rowOf(text, schedules === true);
    if (row !== null) rows.push(row);
  }
  return rows;
}

function rowOf(text: string, onlySchedules: boolean): JobRow | null {
  try {
    const { id, createdAt, cron } = (JSON.parse(text) ?? {}) as Partial<Record<string, unknown>>;
    // A node of an earlier version has none, and lists all that it has.
    if (onlySchedules && typeof cron !== 'string') return null;
    return typeof id === 'string' && typeof createdAt === 'string' ? { createdAt, text } : null;
  } catch {
    return null;
  }
}
