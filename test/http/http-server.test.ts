import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { createHttpServer } from '../../src/http/http-server.js';

t.test('a close while the port is being opened closes it', async (t) => {
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    health: () => ({ ready: true, reason: 'ready' }),
    collect: () => {
      throw new Error('nobody asks');
    },
    log: () => {},
  });
  const opening = server.listen();
  await server.close();
  const socket = connect({ port: Number((await opening).split(':').pop()), host: '127.0.0.1' });
  await t.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
});
