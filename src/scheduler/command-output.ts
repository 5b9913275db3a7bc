import type { Readable } from 'node:stream';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';
import { ChunkRoom } from './chunk-room.js';

/** How a program's output is streamed: a chunk a line, or as the bytes come. */
export type CommandStream = 'lines' | 'bytes';

const lineFeed = 0x0a;

/** What a program writes: the whole of it is its result, or each part a chunk of its stream. */
export class CommandOutput {
  private readonly kept: Buffer[] = [];
  private keptBytes = 0;
  private readonly room = new ChunkRoom();
  private isReleased = false;

  /** `overflowed`: it has written more than can be sent in one piece. */
  constructor(
    private readonly source: Readable,
    private readonly stream: CommandStream | null,
    private readonly tell: (chunk: Payload) => void,
    private readonly overflowed: () => void,
  ) {
    source.on('data', (chunk: Buffer) => this.take(chunk));
    source.on('end', () => this.takeLast());
  }

  /** More was written than fits: the whole of it, or one line of a stream. */
  get isOverLimit(): boolean {
    return this.keptBytes > limits.bodyBytesMax;
  }

  /** It holds what nobody takes yet. */
  get isWaiting(): boolean {
    return this.room.isUsedUp && !this.isReleased;
  }

  text(): string {
    return Buffer.concat(this.kept).toString('utf8');
  }

  giveRoom(upTo: number): void {
    this.room.give(upTo);
  }

  /** The attempt is to stop: nothing is waited for. */
  release(): void {
    this.isReleased = true;
    this.room.wake();
  }

  private take(chunk: Buffer): void {
    let rest: Buffer | null = null;
    if (this.stream === null) this.keep(chunk);
    else if (this.stream === 'bytes') this.send(new Uint8Array(chunk));
    else rest = this.takeLines(chunk);
    if (!this.isWaiting || this.source.isPaused()) return;
    this.source.pause();
    void this.goOnWithRoom(rest);
  }

  private async goOnWithRoom(lines: Buffer | null): Promise<void> {
    let rest = lines;
    do {
      await this.room.wait();
      if (rest !== null) rest = this.takeLines(rest);
    } while (this.isWaiting);
    this.source.resume();
  }

  /** As many as there is room for: what is left. */
  private takeLines(chunk: Buffer): Buffer | null {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      this.keep(chunk.subarray(start, end));
      this.sendLine();
      start = end + 1;
      if (this.isWaiting) return chunk.subarray(start);
    }
    if (start < chunk.length) this.keep(chunk.subarray(start));
    return null;
  }

  /** A last line need not end. */
  private takeLast(): void {
    if (this.stream === 'lines' && this.keptBytes > 0) this.sendLine();
  }

  private sendLine(): void {
    if (this.isOverLimit) return;
    const line = this.text().replace(/\r$/, '');
    this.kept.length = 0;
    this.keptBytes = 0;
    this.send(jsonOf(line));
  }

  private send(chunk: Payload): void {
    // What is said after it was told to stop, and is more than is taken, nobody waits for.
    if (this.room.isUsedUp) return;
    this.room.add(chunk);
    this.tell(chunk);
  }

  private keep(chunk: Buffer): void {
    this.keptBytes += chunk.length;
    if (this.isOverLimit) this.overflowed();
    else this.kept.push(chunk);
  }
}

/** A program's output as a result: the JSON that it is, or its text without the line end as a JSON string. */
export function commandResult(output: string): string {
  const text = output.trim();
  // A result travels in a line of its own.
  return jsonOr(text, /[\r\n]/.test(text)) ?? JSON.stringify(output.replace(/(?:\r?\n)+$/, ''));
}

function jsonOf(line: string): string {
  return jsonOr(line, false) ?? JSON.stringify(line);
}

function jsonOr(text: string, isSpread: boolean): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return isSpread ? JSON.stringify(value) : text;
  } catch {
    return null;
  }
}
