import t from 'tap';
import { formatAddress, isLoopback, parseAddress, readAddress } from '../../src/core/address.js';

t.test('addresses are taken apart and put together again', (t) => {
  const good: readonly (readonly [text: string, host: string, port: number])[] = [
    ['127.0.0.1:7410', '127.0.0.1', 7410],
    ['localhost:0', 'localhost', 0],
    ['node-1.example.com:65535', 'node-1.example.com', 65_535],
    ['[::1]:80', '::1', 80],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
  ];
  for (const [text, host, port] of good) {
    t.same(parseAddress(text), { host, port });
    t.equal(formatAddress({ host, port }), text);
  }
  t.end();
});

t.test('what is no address is none', (t) => {
  const long = `${'h'.repeat(300)}:1`;
  for (const text of [
    '',
    'a',
    ':1',
    'a:',
    'a:b',
    'a:65536',
    'a:-1',
    '::1:80',
    '[::1]',
    'a b:1',
    'a:1\n',
    'http://a:1',
    long,
  ]) {
    t.equal(readAddress(text), null, JSON.stringify(text));
    t.throws(() => parseAddress(text), { code: 'BAD_ADDRESS' });
  }
  t.end();
});

t.test('loopback is 127.0.0.0/8, ::1 and localhost, and nothing that only looks like it', (t) => {
  for (const host of ['127.0.0.1', '127.255.0.3', '::1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1']) {
    t.ok(isLoopback(host), host);
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.0.0.1.example.com',
    '127.0.0.256',
    'localhost.example.com',
    '',
  ]) {
    t.notOk(isLoopback(host), host);
  }
  t.end();
});
