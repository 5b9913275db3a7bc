import { runContender } from '../contender-process.js';
import { measureRondoTopics } from '../topics.js';
import { measureHashes } from './rondo/cpu.js';
import { measureDurableJobs } from './rondo/durable.js';
import { measureEnqueue } from './rondo/enqueue.js';
import { measureIdleNodes } from './rondo/idle.js';
import { measureInFlight, measureOneAtATime } from './rondo/jobs.js';
import { measureMap } from './rondo/map.js';
import { measureNodes } from './rondo/nodes.js';
import { measureQueues } from './rondo/queue.js';
import { measureStream } from './rondo/stream.js';
import { measureTls } from './rondo/tls.js';
import { tellTopics, topicsLoad } from './rondo/topics.js';

await runContender({
  a: measureInFlight,
  b: measureOneAtATime,
  c: measureEnqueue,
  d: measureDurableJobs,
  e: measureMap,
  f: async (_, pace) => tellTopics(await measureRondoTopics(topicsLoad(pace))),
  g: measureStream,
  h: measureNodes,
  i: measureQueues,
  j: measureTls,
  k: measureIdleNodes,
  l: measureHashes,
});
