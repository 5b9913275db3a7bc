import net from 'node:net';
import { parseAddress } from '../../test/support/line-connection.js';

/** Where to connect, what to say first, and how many bytes come before the first message. */
export interface SubscriberSocket {
  readonly address: string;
  readonly greeting: string;
  readonly answerBytes: number;
}

/**
 * Subscribers in a process of their own, that only count bytes: what is measured is who sends them. Forked with an IPC channel; told the
 * sockets it says 'ready' once all are subscribed, and at each further word how many bytes of messages have come on all together.
 */
async function subscribe(sockets: readonly SubscriberSocket[]): Promise<() => number> {
  let bytes = 0;
  await Promise.all(
    sockets.map(
      ({ address, greeting, answerBytes }) =>
        new Promise<void>((resolve, reject) => {
          let missing = answerBytes;
          const socket = net.connect({ ...parseAddress(address), noDelay: true }, () => {
            socket.write(greeting);
            if (missing === 0) resolve();
          });
          socket.on('error', reject);
          socket.on('data', (chunk) => {
            const skipped = Math.min(missing, chunk.length);
            missing -= skipped;
            bytes += chunk.length - skipped;
            if (missing === 0) resolve();
          });
        }),
    ),
  );
  return () => bytes;
}

process.on('disconnect', () => process.exit(0));
process.once('message', (sockets) => {
  void subscribe(sockets as readonly SubscriberSocket[]).then((read) => {
    process.on('message', () => process.send?.(read()));
    process.send?.('ready');
  });
});
