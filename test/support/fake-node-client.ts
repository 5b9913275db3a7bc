import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import { type FakeNode, type FakeNodeOptions, startFakeNode } from './fake-node.js';

/** A fake node that ends with the test. */
export async function start(t: Test, options: FakeNodeOptions = {}): Promise<FakeNode> {
  const node = await startFakeNode(options);
  t.teardown(() => node.server.shutdown(0));
  return node;
}

/** A client's connection to it, half-open if need be; it ends with the test. */
export async function dial(t: Test, node: FakeNode): Promise<Socket> {
  const socket = connect({
    port: Number(node.address.split(':').pop()),
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** All that a socket still says until its end. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

/** A promise, and what to call so that it looks again whether `condition` is true. */
export function turn(condition: () => boolean): {
  readonly reached: Promise<void>;
  readonly look: () => void;
} {
  let look = (): void => {};
  const reached = new Promise<void>((resolve) => {
    look = () => {
      if (condition()) resolve();
    };
  });
  return { reached, look };
}
