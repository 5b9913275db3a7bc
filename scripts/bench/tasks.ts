import { fileURLToPath } from 'node:url';

/** Where the handlers of the benchmark stand: task files like any user's, run in worker threads. They are not compiled. */
export const tasksPath = fileURLToPath(new URL('../../../scripts/bench/tasks', import.meta.url));
