/**
 * Runs what hands over events that have come at one time, as in one read of a socket: whoever takes them need ask the clock only once. It
 * calls `run` at once.
 */
export type Together = (run: () => void) => void;

/** For whoever takes each event by itself. */
export const eachByItself: Together = (run) => run();
