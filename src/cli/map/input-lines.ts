import { isUtf8 } from 'node:buffer';
import { limits } from '../../core/limits.js';
import { jsonComplaint } from '../payload-argument.js';

/** One line of input. `index` counts from 0. */
export type InputLine =
  | { readonly index: number; readonly text: string; readonly payload: string; readonly fault: null }
  /** It can't be submitted, and `fault` says why; `text` is null when it is not even text. */
  | {
      readonly index: number;
      readonly text: string | null;
      readonly payload: null;
      readonly fault: InputFault;
    };

export interface InputFault {
  readonly name: 'BAD_UTF8' | 'BAD_JSON' | 'LINE_TOO_LONG';
  readonly message: string;
}

export interface InputFormat {
  /** Each line is a JSON value, which a blank one is not; else it becomes a JSON string. */
  readonly json: boolean;
}

const lineFeed = 10;
const carriageReturn = 13;
const lineBytesMax = limits.bodyBytesMax;

/** Cuts a stream of bytes into lines, all those of a chunk at once. A last line without a line break counts too. */
export async function* inputLines(
  chunks: AsyncIterable<Buffer>,
  format: InputFormat,
): AsyncGenerator<InputLine[]> {
  const cutter = new LineCutter(format);
  for await (const chunk of chunks) yield cutter.push(chunk);
  yield cutter.finish();
}

class LineCutter {
  private index = 0;
  private parts: Buffer[] = [];
  private partBytes = 0;

  constructor(private readonly format: InputFormat) {}

  push(chunk: Buffer): InputLine[] {
    const lines: InputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      this.keep(chunk.subarray(start, end));
      this.takeLine(lines);
      start = end + 1;
    }
    if (start < chunk.length) this.keep(chunk.subarray(start));
    return lines;
  }

  finish(): InputLine[] {
    const lines: InputLine[] = [];
    if (this.partBytes > 0) this.takeLine(lines);
    return lines;
  }

  /** Of a line that is over the limit, only the length is kept. */
  private keep(part: Buffer): void {
    this.partBytes += part.length;
    if (this.partBytes > lineBytesMax) this.parts = [];
    else this.parts.push(part);
  }

  private takeLine(lines: InputLine[]): void {
    const index = this.index++;
    const tooLong = this.partBytes > lineBytesMax;
    const bytes = this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
    this.parts = [];
    this.partBytes = 0;
    lines.push(
      tooLong
        ? badLine(index, null, 'LINE_TOO_LONG', `the line is over ${lineBytesMax} bytes`)
        : readLine(index, bytes, this.format),
    );
  }
}

function readLine(index: number, bytes: Buffer, format: InputFormat): InputLine {
  if (!isUtf8(bytes)) return badLine(index, null, 'BAD_UTF8', 'the line is not UTF-8 text');
  const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
  const text = bytes.toString('utf8', 0, end);
  if (!format.json) return { index, text, payload: JSON.stringify(text), fault: null };
  const payload = text.trim();
  const complaint = jsonComplaint(payload);
  if (complaint !== null) return badLine(index, text, 'BAD_JSON', `the line is not JSON: ${complaint}`);
  return { index, text, payload, fault: null };
}

function badLine(index: number, text: string | null, name: InputFault['name'], message: string): InputLine {
  return { index, text, payload: null, fault: { name, message } };
}
