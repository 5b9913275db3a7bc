import t from 'tap';
import type { JobStream } from '../../../src/core/jobs/job-stream.js';
import { StreamRooms } from '../../../src/core/jobs/stream-rooms.js';
import { limits } from '../../../src/core/limits.js';

/** Streams are told apart, and not looked at. */
function newStream(): JobStream {
  return {} as JobStream;
}

t.test('a stream by itself may take the window of a client, and many share what all may take', (t) => {
  const rooms = new StreamRooms();
  let given = 0;
  for (let count = 1; count <= 10_000; count++) {
    const stream = newStream();
    const window = rooms.windowFor(stream);
    if (count === 1) t.equal(window, limits.itemWindowBytes);
    if (window > limits.streamWindowBytesMin) given += window;
    rooms.claim(stream, window);
  }
  t.ok(given <= limits.streamsKeptBytesMax, `${given} bytes are given beyond what each has always`);
  t.equal(rooms.windowFor(newStream()), limits.streamWindowBytesMin, 'each has a little');
  t.equal(rooms.size, 10_000);
  t.end();
});

t.test('a share is of whole bytes, as the node that is told takes no other', (t) => {
  const rooms = new StreamRooms();
  const windows: number[] = [];
  for (let count = 1; count <= 200; count++) {
    rooms.claim(newStream(), 1);
    windows.push(rooms.windowFor(newStream()));
  }
  t.strictSame(
    windows.filter((window) => !Number.isSafeInteger(window)),
    [],
  );
  t.ok((windows.at(-1) as number) < limits.itemWindowBytes, 'and a part of the whole');
  t.end();
});

t.test('what a stream gives back others may take', (t) => {
  const rooms = new StreamRooms();
  const streams = Array.from({ length: 1_000 }, newStream);
  for (const stream of streams) rooms.claim(stream, rooms.windowFor(stream));
  for (const stream of streams) rooms.claim(stream, 0);
  t.equal(rooms.size, 0);
  t.equal(rooms.windowFor(newStream()), limits.itemWindowBytes);
  t.end();
});
