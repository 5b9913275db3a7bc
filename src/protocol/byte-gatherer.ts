/** The first allocation; most lines that arrive in pieces fit. */
const bytesMin = 256;

/**
 * Puts the pieces of a line or body together in one buffer that doubles as it fills: a client that sends a byte at a
 * time costs no object a byte, and one that announces much and sends little gets no memory for its word.
 */
export class ByteGatherer {
  private buffer: Buffer = emptyBuffer;
  private filled = 0;
  private lengthMax = Number.POSITIVE_INFINITY;

  get length(): number {
    return this.filled;
  }

  /** No more than this will come before the next `take`: the buffer need not double beyond. */
  expect(lengthMax: number): void {
    this.lengthMax = lengthMax;
  }

  append(from: Buffer, start: number, end: number): void {
    const length = this.filled + end - start;
    if (length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(
        Math.max(length, Math.min(2 * this.buffer.length, this.lengthMax), bytesMin),
      );
      this.buffer.copy(larger, 0, 0, this.filled);
      this.buffer = larger;
    }
    from.copy(this.buffer, this.filled, start, end);
    this.filled = length;
  }

  /** What it would hold with these bytes, which are not put in. */
  preview(more: Buffer): Buffer {
    return this.filled === 0 ? more : Buffer.concat([this.buffer.subarray(0, this.filled), more]);
  }

  /** Gives all that was gathered, and starts anew with a buffer of its own. */
  take(): Buffer {
    const all = this.buffer.subarray(0, this.filled);
    this.clear();
    return all;
  }

  clear(): void {
    this.buffer = emptyBuffer;
    this.filled = 0;
    this.lengthMax = Number.POSITIVE_INFINITY;
  }
}

const emptyBuffer = Buffer.alloc(0);
