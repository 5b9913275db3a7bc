/** What lives on the heap now. Needs `node --expose-gc`. */
export function heapBytes(): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('start it with node --expose-gc, as npm run cost-model does');
  // Twice, for what is only let go at the end of the first.
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}
