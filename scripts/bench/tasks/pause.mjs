/** I/O-bound, as far as a node sees: it waits so many milliseconds. */
export default (ms) => new Promise((resolve) => setTimeout(resolve, ms, ms));
