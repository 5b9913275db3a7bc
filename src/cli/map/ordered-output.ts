/** Where text goes, with the stream's back-pressure. */
export interface TextSink {
  /** False: no more until `drain`. */
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

export interface OrderedOutputOptions {
  readonly sink: TextSink;
  /** Write in the order of the places, not of arrival. */
  readonly ordered: boolean;
  /** Results that wait for an earlier one, in number ... */
  readonly pendingMax: number;
  /** ... and in characters. */
  readonly bufferedLengthMax: number;
  /** There is room again. */
  readonly onRoom: () => void;
}

/** Puts results back in order, holding only as many as the limits say; written together once a tick. */
export class OrderedOutput {
  private given = 0;
  private next = 0;
  private readonly early = new Map<number, Line | null>();
  private bufferedLength = 0;
  private gathered = '';
  private delivered: (() => void)[] = [];
  private flushScheduled = false;
  private congested = false;

  constructor(private readonly options: OrderedOutputOptions) {}

  get hasRoom(): boolean {
    const { pendingMax, bufferedLengthMax } = this.options;
    return !this.congested && this.early.size < pendingMax && this.bufferedLength < bufferedLengthMax;
  }

  /** The next place in the order. Each must be filled or given up, or what is behind it never comes out. */
  takePlace(): number {
    return this.given++;
  }

  /** `onWritten` is called once the text has been handed to the sink. */
  fill(place: number, text: string, onWritten: () => void): void {
    this.put(place, { text, onWritten });
  }

  giveUp(place: number): void {
    this.put(place, null);
  }

  private put(place: number, line: Line | null): void {
    if (!this.options.ordered) {
      this.gather(line);
      return;
    }
    this.early.set(place, line);
    this.bufferedLength += line?.text.length ?? 0;
    for (let ready = this.early.get(this.next); ready !== undefined; ready = this.early.get(this.next)) {
      this.early.delete(this.next++);
      this.bufferedLength -= ready?.text.length ?? 0;
      this.gather(ready);
    }
  }

  private gather(line: Line | null): void {
    if (line === null) return;
    this.gathered += line.text;
    this.delivered.push(line.onWritten);
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    setImmediate(() => this.flush());
  }

  /** Writes what is ready. To be called at the end, too. */
  flush(): void {
    this.flushScheduled = false;
    if (this.gathered === '') return;
    const { sink, onRoom } = this.options;
    const written = this.delivered;
    const text = this.gathered;
    this.delivered = [];
    this.gathered = '';
    if (!sink.write(text) && !this.congested) {
      this.congested = true;
      sink.once('drain', () => {
        this.congested = false;
        onRoom();
      });
    }
    for (const onWritten of written) onWritten();
    onRoom();
  }
}

interface Line {
  readonly text: string;
  readonly onWritten: () => void;
}
