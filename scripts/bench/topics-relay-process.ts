import net from 'node:net';

/**
 * What stands beside the nodes: one process that writes what comes from whoever begins with `P` to all the others as it stands, without
 * looking at it. Forked with an IPC channel, over which it says its port.
 */
const listeners = new Set<net.Socket>();
const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.on('close', () => listeners.delete(socket));
  socket.once('data', (first) => {
    if (first.toString('latin1') !== 'P') {
      listeners.add(socket);
      socket.write('.');
      return;
    }
    socket.on('data', (chunk) => {
      for (const listener of listeners) listener.write(chunk);
    });
    socket.write('.');
  });
});
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as net.AddressInfo).port));
