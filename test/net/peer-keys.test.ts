import t from 'tap';
import { clientTokenOf, generateKey, parseKeys } from '../../src/net/cluster-key.js';

t.test('a new key is one line, is read back, and is never the same twice', (t) => {
  const text = generateKey();
  t.match(text, /^rondo-key-1:[A-Za-z0-9_-]{43}$/);
  const [key] = parseKeys(text);
  t.equal(key?.secret.length, 32);
  t.match(key?.identity, /^rondo-[0-9a-f]{16}$/);
  t.not(generateKey(), text);
  t.end();
});

t.test('a key file may hold several keys, comments and Windows line ends, and the first key is used', (t) => {
  const [newKey, oldKey] = [generateKey(), generateKey()];
  const keys = parseKeys(`# the new key\r\n${newKey}\r\n\r\n  # until June\n  ${oldKey}  \n`);
  t.same(keys, [...parseKeys(newKey), ...parseKeys(oldKey)]);
  t.end();
});

t.test('a file that is no key file is refused with the line and without the key', (t) => {
  const good = generateKey();
  const secret = good.slice('rondo-key-1:'.length);
  const bad: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['an empty file', '', /no key/],
    ['only comments', '# none yet\n', /no key/],
    ['a key without its prefix', `${good}\n${secret}`, /line 2/],
    ['a key cut short', `\n${good.slice(0, -1)}`, /line 2/],
    ['a key with a letter too many', `${good}A\n`, /line 1/],
    ['a key with a blank in it', `${good.slice(0, 20)} ${good.slice(20)}\n`, /line 1/],
    ['a later version of keys', `rondo-key-2:${secret}`, /it is not rondo-key-1:/],
    ['a key twice', `${good}\n${good}`, /twice/],
    ['seventeen keys', Array.from({ length: 17 }, generateKey).join('\n'), /17/],
  ];
  for (const [name, text, message] of bad) {
    t.throws(() => parseKeys(text), { code: 'BAD_KEY', message }, name);
    t.throws(() => parseKeys(text), { message: /rondo keygen/ }, `${name}: says what to do`);
    try {
      parseKeys(text);
    } catch (error) {
      t.notMatch(String(error), secret.slice(0, 12), `${name}: doesn't show the key`);
    }
  }
  t.end();
});

t.test('the token for clients follows from the key and gives nothing of it away', (t) => {
  const [key] = parseKeys(`rondo-key-1:${Buffer.alloc(32, 7).toString('base64url')}`);
  if (key === undefined) throw new Error('no key');
  t.equal(clientTokenOf(key), clientTokenOf(key));
  t.match(clientTokenOf(key), /^[A-Za-z0-9_-]{43}$/);
  t.not(clientTokenOf(key), key.secret.toString('base64url'));
  t.not(clientTokenOf(key), clientTokenOf(parseKeys(generateKey())[0] ?? key));
  t.end();
});
