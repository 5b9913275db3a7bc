/** Bytes that many share, and no more of them than there may be. */
export class ByteBudget {
  private takenBytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** What is taken now. */
  get bytes(): number {
    return this.takenBytes;
  }

  /** Changes what one holder has from `heldBytes` to `wantedBytes`. False, and nothing changes, where it asks for too much. */
  exchange(heldBytes: number, wantedBytes: number): boolean {
    const bytes = this.takenBytes - heldBytes + wantedBytes;
    if (wantedBytes > heldBytes && bytes > this.bytesMax) return false;
    this.takenBytes = bytes;
    return true;
  }
}
