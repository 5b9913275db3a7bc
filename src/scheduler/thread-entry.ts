// The first module of a handler thread: receives orders, runs handlers, sends reports.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../core/assert.js';
import { HandlerHost } from './handler-host.js';
import { describeError } from './handler-result.js';
import { PacedOrders } from './paced-orders.js';
import { learnTasks } from './task-module.js';
import { ReportBatch, replayOrders, type ThreadStart } from './thread-messages.js';

assert(parentPort !== null, 'thread-entry runs in a worker thread only');
const port = parentPort;
const { purpose, node, files } = workerData as ThreadStart;
const reports = new ReportBatch((batch, moved) => port.postMessage(batch, moved));
const host = new HandlerHost(node, reports);
const orders = new PacedOrders(host, reports);

/** Nobody can tell whose code it was, nor what state it left: the thread ends, and its attempts run again elsewhere. */
function endThread(name: string, thrown: unknown): void {
  const error = describeError(thrown);
  reports.fault(name, error.name === 'Error' ? error.message : `${error.name}: ${error.message}`);
  process.exit(1);
}
process.on('uncaughtException', (error) => endThread('UncaughtException', error));
process.on('unhandledRejection', (reason) => endThread('UnhandledRejection', reason));
// Outcomes that were to go out with the turn of the loop that `process.exit` cut short.
process.on('exit', () => reports.flush());

port.on('message', (batch) => {
  orders.begin();
  replayOrders(batch, orders);
});
if (purpose === 'learn') await learnTasks(files, reports);
else for (const file of files) host.offer(file);
reports.ready();
