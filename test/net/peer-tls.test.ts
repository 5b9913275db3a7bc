import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { cert, key } from './peer-certificate.js';
import { connect, newKey, rawSocket, startPeer, type TestPeer, type TestPeerOptions } from './peer-pair.js';

async function startPeers(t: Test, ...all: TestPeerOptions[]): Promise<TestPeer[]> {
  const peers = await Promise.all(all.map(startPeer));
  t.teardown(() => Promise.all(peers.map((peer) => peer.network.shutdown())));
  return peers;
}

const [oldKey, newerKey] = [newKey(), newKey()];

t.test('a wrong key is told on both sides, by its name and with what to do', async (t) => {
  const [a, b] = (await startPeers(t, { keys: [oldKey] }, { keys: [newerKey] })) as [TestPeer, TestPeer];
  a.network.dial(b.address);
  const failed = await a.first('failed');
  t.match(failed, { reason: 'wrong_key', goodbye: null, detail: /put that key into its key file/ });
  t.ok(failed.detail.includes(oldKey.identity));
  t.match(await b.when(() => b.warnings[0]), /a key was offered that this node doesn't accept/);
  t.equal(b.network.stats().protocolErrors, 1);
  t.same(b.told, []);
});

t.test('a key that only claims the right name is refused too', async (t) => {
  const forged = { identity: oldKey.identity, secret: newerKey.secret };
  const [a, b] = (await startPeers(t, { keys: [forged] }, { keys: [oldKey] })) as [TestPeer, TestPeer];
  a.network.dial(b.address);
  t.match(await a.first('failed'), { reason: 'wrong_key' });
  b.network.dial(a.address);
  t.match(await b.first('failed'), { reason: 'wrong_key' });
});

t.test(
  'keys rotate: a node that uses the new key and one that uses the old meet while both are accepted',
  async (t) => {
    const [a, b, c] = (await startPeers(
      t,
      { keys: [newerKey, oldKey] },
      { keys: [oldKey, newerKey] },
      { keys: [oldKey] },
    )) as [TestPeer, TestPeer, TestPeer];
    await connect(a, b);
    await connect(c, a);
    a.network.dial(c.address);
    t.match(await a.first('failed'), { reason: 'wrong_key' }, 'the first key is the one that is used');
  },
);

t.test('a node with a key and one without tell each other so', async (t) => {
  const [secured, plain] = (await startPeers(t, { keys: [oldKey] }, {})) as [TestPeer, TestPeer];
  secured.network.dial(plain.address);
  t.match(await secured.first('failed'), { reason: 'wrong_key', detail: /speaks without a key/ });
  t.match(await plain.when(() => plain.warnings[0]), /TLS was spoken/);
  plain.network.dial(secured.address);
  t.match(await plain.first('failed'), { reason: 'wrong_key', detail: /wants a cluster key/ });
  t.match(await secured.when(() => secured.warnings[0]), /without a key/);
});

t.test(
  'HTTP, the line protocol and garbage on a port with a key are counted, logged and closed',
  async (t) => {
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', 'PING\n', Buffer.alloc(100, 0xff)]) {
      const [a] = (await startPeers(t, { keys: [oldKey] })) as [TestPeer];
      const { socket, closed } = await rawSocket(a.address);
      socket.write(bytes);
      await closed;
      t.equal(a.network.stats().protocolErrors, 1);
      t.equal(a.warnings.length, 1);
    }
  },
);

t.test('a TLS handshake that never ends is given up, on either side', async (t) => {
  const config = { helloTimeoutMs: 60, dialTimeoutMs: 60 };
  const [a] = (await startPeers(t, { keys: [oldKey], config })) as [TestPeer];
  const { closed } = await rawSocket(a.address);
  await closed;
  t.match(a.warnings, [/not shown in time/]);

  const silent = net.createServer((accepted) => accepted.resume().on('error', () => {}));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  a.network.dial(`127.0.0.1:${(silent.address() as AddressInfo).port}`);
  t.match(await a.first('failed'), { reason: 'timeout' });
  silent.close();
});

t.test('a shutdown also ends connections and dials that are still in their TLS handshake', async (t) => {
  const [a] = (await startPeers(t, { keys: [oldKey] })) as [TestPeer];
  const { closed } = await rawSocket(a.address);
  const silent = net.createServer((accepted) => accepted.resume().on('error', () => {}));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  a.network.dial(`127.0.0.1:${(silent.address() as AddressInfo).port}`);
  await once(silent, 'connection');
  await a.network.shutdown();
  await closed;
  t.match(await a.first('failed'), { reason: 'reset' });
  silent.close();
});

t.test('a server that would rather show a certificate than the key is not believed', async (t) => {
  const impostor = tls.createServer({ key, cert, minVersion: 'TLSv1.3' }, (socket) => socket.end());
  impostor.on('tlsClientError', () => {});
  await once(impostor.listen(0, '127.0.0.1'), 'listening');
  const [a] = (await startPeers(t, { keys: [oldKey] })) as [TestPeer];
  a.network.dial(`127.0.0.1:${(impostor.address() as AddressInfo).port}`);
  t.match(await a.first('failed'), { reason: 'wrong_key' });
  impostor.close();
});
