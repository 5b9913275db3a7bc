import type { JobItem } from '../client/watch-place.js';
import { printable } from './failure.js';
import { stateWords } from './job-output.js';
import { oneLine } from './terminal.js';

const redrawMs = 100;

/** On a terminal, one line of standard error that says what a job is doing; nothing elsewhere. */
export class ProgressLine {
  private words = '';
  private progress: unknown = null;
  private drawnAtMs = 0;
  private timer: NodeJS.Timeout | undefined;

  /** What is printed on the same terminal has the line to itself. */
  show(item: JobItem): void {
    if (!process.stderr.isTTY) return;
    if (item.type === 'data' || item.type === 'missed') {
      this.clear();
      return;
    }
    if (item.type === 'state') this.words = `${item.id} ${stateWords(item)}`;
    else this.progress = valueOrText(item.value);
    this.timer ??= setTimeout(() => this.draw(), Math.max(0, this.drawnAtMs + redrawMs - performance.now()));
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.drawnAtMs === 0) return;
    this.drawnAtMs = 0;
    process.stderr.write('\r\u001b[K');
  }

  private draw(): void {
    this.timer = undefined;
    this.drawnAtMs = performance.now();
    const far = this.progress === null ? '' : `: ${oneLine(this.progress)}`;
    const line = printable(`${this.words}${far}`).slice(0, (process.stderr.columns || 80) - 1);
    process.stderr.write(`\r\u001b[K${line}`);
  }
}

function valueOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
