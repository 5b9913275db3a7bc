/**
 * Bytes of known total length that arrive in parts. Room grows with what has really arrived, doubling up to the
 * total, so a length that lies costs its sender as much as it costs this node.
 */
export class ByteCollector {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has been collected: lent until the next `append` or `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  append(source: Uint8Array, start: number, end: number, totalBytes: number): void {
    const wanted = this.#length + (end - start);
    if (wanted > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(wanted, Math.min(totalBytes, 2 * this.#bytes.length)));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#bytes.set(source.subarray(start, end), this.#length);
    this.#length = wanted;
  }

  /** Forgets what is there; keeps the room for the next when that is at most `roomBytesMax`. */
  clear(roomBytesMax: number): void {
    this.#length = 0;
    if (this.#bytes.length > roomBytesMax) this.#bytes = Buffer.alloc(0);
  }
}
