import { type ClientFlags, withClient } from '../client-options.js';
import { parsedOf, textOf } from '../failure.js';
import { type Column, oneLine, printFields, printTable, type Style } from '../terminal.js';

type ListFlags = ClientFlags & { readonly json?: boolean };
type Row = Readonly<Record<string, unknown>>;
type LineOptions = readonly (readonly [key: string, value: string])[];

/** `rondo nodes` */
export async function nodes(flags: ListFlags): Promise<void> {
  await list('NODES', flags, [
    column('name'),
    { title: 'state', cell: (row) => oneLine(row.state), style: (row) => memberStyle(row.state) },
    column('address'),
    column('client'),
    column('tasks'),
    { title: 'draining', cell: (row) => (row.draining === true ? 'yes' : 'no') },
    column('journal'),
    { title: 'tags', cell: (row) => tagsCell(row.tags) },
    column('incarnation'),
  ]);
}

/** `rondo jobs` */
export async function jobs(
  flags: ListFlags & { readonly state?: string; readonly task?: string; readonly limit?: string },
): Promise<void> {
  const options = (['state', 'task', 'limit'] as const).flatMap((key) => {
    const value = flags[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  const columns = [
    column('id'),
    column('task'),
    {
      title: 'state',
      cell: (row: Row) => oneLine(row.state),
      style: (row: Row) => jobStyle(row.state),
    },
    column('attempts'),
    column('owner'),
    column('executor'),
    column('holders'),
    { title: 'created', cell: (row: Row) => oneLine(row.createdAt) },
    { title: 'error', cell: (row: Row) => errorCell(row.error) },
  ];
  await list('JOBS', flags, columns, options);
}

/** `rondo schedules` */
export async function schedules(flags: ListFlags & { readonly task?: string }): Promise<void> {
  const columns = ['id', 'task', 'cron', 'zone', 'next', 'last', 'fired', 'owner'].map((key) => column(key));
  await list('SCHEDULES', flags, columns, flags.task === undefined ? [] : [['task', flags.task]]);
}

/** `rondo tasks`: the columns are what the nodes tell of a task, its name first. */
export async function tasks(flags: ListFlags): Promise<void> {
  await list('TASKS', flags, (rows) => {
    const keys = new Set(['name', ...rows.flatMap((row) => Object.keys(row))]);
    return [...keys].map((key) => column(key));
  });
}

/** `rondo info` */
export async function info(flags: ListFlags): Promise<void> {
  const reply = await withClient(flags, (client) => client.request({ verb: 'INFO' }));
  if (flags.json) {
    process.stdout.write(`${textOf(reply)}\n`);
    return;
  }
  printFields(flatten(parsedOf(reply) as Row, ''));
}

async function list(
  verb: string,
  flags: ListFlags,
  columns: Column<Row>[] | ((rows: readonly Row[]) => Column<Row>[]),
  options: LineOptions = [],
): Promise<void> {
  const reply = await withClient(flags, (client) => client.request({ verb, options }));
  if (flags.json) {
    process.stdout.write(`${textOf(reply)}\n`);
    return;
  }
  const rows = parsedOf(reply) as Row[];
  await printTable(typeof columns === 'function' ? columns(rows) : columns, rows);
}

function column(key: string): Column<Row> {
  return { title: key, cell: (row) => oneLine(row[key]) };
}

/** Fields of fields are shown as `outer.inner`, so that everything stands on a line of its own. */
function flatten(value: Row, prefix: string): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]): [string, string][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? flatten(inner as Row, `${prefix}${name}.`)
      : [[`${prefix}${name}`, oneLine(inner)]],
  );
}

function tagsCell(tags: unknown): string {
  if (typeof tags !== 'object' || tags === null) return '';
  const pairs: [unknown, unknown][] = Array.isArray(tags) ? tags : Object.entries(tags);
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ');
}

function errorCell(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { name, message } = error as Row;
  const text = `${oneLine(name)}: ${oneLine(message)}`;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function memberStyle(state: unknown): Style | null {
  if (state === 'alive') return 'green';
  if (state === 'suspect') return 'yellow';
  return state === 'dead' ? 'red' : 'dim';
}

function jobStyle(state: unknown): Style | null {
  if (state === 'done') return 'green';
  if (state === 'failed') return 'red';
  return state === 'running' ? 'yellow' : null;
}
