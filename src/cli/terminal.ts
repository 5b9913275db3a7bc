import { printable } from './failure.js';

/** A column of a table: its title, and what stands in it. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly style?: (row: Row) => Style | null;
}

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof styles;

/** Colours only where a person sees them: on a terminal that can, unless NO_COLOR is set (https://no-color.org). */
export function hasColours(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

function paint(style: Style | null | undefined, text: string): string {
  if (style === null || style === undefined || !hasColours(process.stdout)) return text;
  return `\u001b[${styles[style]}m${text}\u001b[0m`;
}

/** Prints rows as a table on a terminal, as plain aligned columns elsewhere. */
export async function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void> {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row)) || '-'));
  if (!process.stdout.isTTY) {
    printColumns([columns.map(({ title }) => title.toUpperCase()), ...cells]);
    return;
  }
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: columns.map(({ title }) => paint('bold', title)),
    style: { head: [], border: [], compact: true },
  });
  rows.forEach((row, index) => {
    table.push(columns.map((column, at) => paint(column.style?.(row), cells[index]?.[at] ?? '')));
  });
  process.stdout.write(`${table.toString()}\n`);
}

/** Prints names and values below one another, names aligned. */
export function printFields(fields: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    process.stdout.write(`${paint('bold', name.padEnd(width))}  ${printable(value) || '-'}\n`);
  }
}

function printColumns(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  for (const row of rows) {
    const line = row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}

/** Prints a value: JSON as `printJson` does, raw bytes as they are; on a terminal these could command it, and are shown as text. */
export function printValue(value: string | Buffer): void {
  if (typeof value === 'string') printJson(value);
  else process.stdout.write(process.stdout.isTTY ? shownBytes(value) : value);
}

/** Raw bytes as a person may see them. */
export function shownBytes(bytes: Buffer): string {
  const lines = bytes.toString('utf8').split('\n');
  return lines.map(printable).join('\n');
}

/**
 * Prints JSON text: indented on a terminal, as it came elsewhere. Text that a parser would change (numbers beyond
 * 2^53, a key that stands twice) is left as it came on a terminal too.
 */
export function printJson(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? indented(text) : text}\n`);
}

function indented(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? JSON.stringify(value, null, 2) : printable(text);
  } catch {
    return printable(text);
  }
}

/** A value of unknown shape on one line: words as they are, lists with commas, anything else as JSON. */
export function oneLine(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(nameOf).join(', ');
  return JSON.stringify(value);
}

function nameOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'name' in value) return oneLine(value.name);
  return oneLine(value);
}
