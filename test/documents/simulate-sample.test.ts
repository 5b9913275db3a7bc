import { readFileSync } from 'node:fs';
import t from 'tap';
import { runCli } from '../support/run-cli.js';

const block = /^```console simulate\n\$ rondo (.*)\n([\s\S]*?)^```$/m;

/** Figures move with every improvement; what is told, and how, is what the sample shows. */
function shapeOf(text: string): string {
  return text
    .replace(/\d[\d,]*(\.\d+)? (ms|s|min)\b/g, '# time')
    .replace(/\d[\d,]*(\.\d+)? (B|kB|MB)\/s/g, '# rate')
    .replace(/\d[\d,]*(\.\d+)?/g, '#')
    .replace(/\b[a-z_]+ # rate/g, 'kind # rate')
    .replace(/ {2,}/g, '  ');
}

t.test('the README shows what rondo simulate prints', async (t) => {
  const [, command = '', shown = ''] = block.exec(readFileSync('README.md', 'utf8')) ?? [];
  const { code, stdout } = await runCli(command.split(' '));
  t.equal(code, 0);
  t.equal(shapeOf(shown), shapeOf(stdout));
});

t.test('figures make no difference to that, words do', (t) => {
  t.equal(shapeOf('a  4.13 s of 5'), shapeOf('a    200 ms of 61'));
  t.not(shapeOf('a 4.13 s'), shapeOf('b 4.13 s'));
  t.end();
});
