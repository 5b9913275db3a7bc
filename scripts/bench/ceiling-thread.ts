// The thread of the ceiling's threaded worker: runs what it is handed, and hands back the answers.
import { parentPort } from 'node:worker_threads';
import { turnGatherer } from './gathered.js';
import { noOp } from './no-op.js';

const answer = turnGatherer((batch) => parentPort?.postMessage(batch));
parentPort?.on('message', (batch: readonly unknown[]) => {
  for (let at = 0; at < batch.length; at += 2)
    void noOp(batch[at + 1] as { readonly n: number }).then((result) => answer(batch[at] as number, result));
});
