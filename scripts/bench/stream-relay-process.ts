import net from 'node:net';

/**
 * What a stream costs at the least, in a process of its own: as `source` it writes so many bytes to whoever connects, in pieces of 64 KiB; as `relay` it
 * connects to a source and passes on what comes. Forked with an IPC channel, over which it tells its port.
 */
const [role, target = '0'] = process.argv.slice(2);
const piece = Buffer.alloc(64 * 1024, 7);

const server = net.createServer((socket) => {
  socket.on('error', () => {});
  if (role === 'relay') net.connect(Number(target), '127.0.0.1').pipe(socket);
  else write(socket, Number(target));
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as net.AddressInfo).port));
process.on('disconnect', () => process.exit());

function write(socket: net.Socket, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      left -= piece.length;
      if (!socket.write(piece)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  more();
}
