import { measureRow, type RowName, rowNames, rows } from './membership/rows.js';
import { readOptions, type ScriptUsage, wrongUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-membership',
  call: 'npm run measure-membership -- [--row NAME]... [--list]',
  text: `
What membership reaches, from the code that real nodes run, in simulated clusters: a row a figure, as a Markdown table. Progress goes
to standard error. The exit code is 1 when a figure is not what was aimed at.

  --row NAME  only this row; may be repeated
  --list      lists the rows, with how long each takes
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    row: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
  });
  if (values.list) {
    for (const name of rowNames) console.log(`${name.padEnd(14)} ${rows[name].what} (${rows[name].takes})`);
    return;
  }
  const wanted = values.row ?? [...rowNames];
  const unknown = wanted.filter((name) => !(name in rows));
  if (unknown.length > 0) wrongUsage(usage, `no row ${unknown.join(', ')}; there are ${rowNames.join(', ')}`);
  console.log('| row | what | measured | aim |\n| --- | --- | --- | --- |');
  for (const name of wanted as RowName[]) {
    const { what, aim, takes } = rows[name];
    process.stderr.write(`${name}: takes ${takes}\n`);
    const { text, isMet } = await measureRow(name, (word) => process.stderr.write(word));
    console.log(`| ${name} | ${what} | ${text} | ${aim}${isMet ? '' : ', not met'} |`);
    if (!isMet) process.exitCode = 1;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  process.stderr.write(`measure-membership: ${(error as Error).message}\n`);
  process.exitCode = 2;
});
