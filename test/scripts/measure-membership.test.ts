import t from 'tap';
import { measureRow, type RowName, rows } from '../../scripts/membership/rows.js';

t.setTimeout(120_000);

const quickRows: readonly RowName[] = ['rumour-100', 'cost-100', 'mute'];

for (const name of quickRows) {
  t.test(`${rows[name].what}: ${rows[name].aim}`, async (t) => {
    const { text, isMet } = await measureRow(name, () => {});
    t.comment(`measured: ${text}`);
    t.ok(isMet, text);
  });
}
