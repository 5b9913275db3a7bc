import type { Client } from '../../client/client.js';
import type { ClientRequest } from '../../client/request-line.js';
import { RondoError } from '../../core/errors.js';
import { type Outcome, outcomeOf } from '../../library/outcome.js';
import { isHopeless, runPatiently } from '../../library/patient-run.js';
import { refusal } from '../failure.js';
import { errorOf } from '../outcome.js';
import type { InputLine } from './input-lines.js';
import type { OrderedOutput } from './ordered-output.js';

/** A line of input and what became of it. */
export interface FinishedLine {
  readonly line: InputLine;
  readonly outcome: LineOutcome;
  readonly seconds: number;
}

export type LineOutcome =
  /** `result` is JSON text, or raw bytes. */
  | { readonly ok: true; readonly result: string | Buffer }
  | {
      readonly ok: false;
      readonly id: string | null;
      readonly error: { readonly name: string; readonly message: string; readonly attempts?: number };
    };

export interface MapRunOptions {
  readonly client: Client;
  readonly output: OrderedOutput;
  readonly task: string;
  readonly submitOptions: readonly (readonly [key: string, value: string])[];
  readonly inFlightMax: number;
  /** No more input is wanted. */
  readonly onHopeless: () => void;
  readonly isSkipped: (index: number) => boolean;
  /** The text to print for a line. */
  readonly format: (finished: FinishedLine) => string;
  /** The line is finished, and its text is on its way out. */
  readonly onWritten: (finished: FinishedLine) => void;
}

export interface MapCounts {
  done: number;
  failed: number;
  skipped: number;
  /** Submitted again because the node was lost or could not say what became of it. */
  repeated: number;
}

/** Runs a job a line: a bounded number in flight, each line brought to exactly one outcome. */
export class MapRun {
  readonly counts: MapCounts = { done: 0, failed: 0, skipped: 0, repeated: 0 };
  private inFlight = 0;
  private wake: (() => void) | null = null;
  private hopeless: RondoError | null = null;
  private stopped = false;

  constructor(private readonly options: MapRunOptions) {}

  /** Resolves when every line that was submitted has its outcome. Rejects, then too, with what made the run hopeless. */
  async run(input: AsyncIterable<readonly InputLine[]>): Promise<void> {
    for await (const lines of input) {
      for (const line of lines) {
        if (this.options.isSkipped(line.index)) {
          this.counts.skipped++;
          continue;
        }
        while (!this.hasRoom && !this.isEnding) await this.nextChange();
        if (this.isEnding) break;
        this.start(line);
      }
      if (this.isEnding) break;
    }
    while (this.inFlight > 0) await this.nextChange();
    this.options.output.flush();
    if (this.hopeless !== null) throw this.hopeless;
  }

  /** Submits no further lines; those in flight are still waited for. */
  stop(): void {
    this.stopped = true;
    this.notice();
  }

  /** The output has room again. */
  notice(): void {
    const { wake } = this;
    this.wake = null;
    wake?.();
  }

  get inFlightCount(): number {
    return this.inFlight;
  }

  get isEnding(): boolean {
    return this.stopped || this.hopeless !== null;
  }

  private get hasRoom(): boolean {
    return this.inFlight < this.options.inFlightMax && this.options.output.hasRoom;
  }

  private nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private start(line: InputLine): void {
    const place = this.options.output.takePlace();
    this.inFlight++;
    void this.finish(line, place).finally(() => {
      this.inFlight--;
      this.notice();
    });
  }

  private async finish(line: InputLine, place: number): Promise<void> {
    const { output, format, onWritten } = this.options;
    const startedAtMs = performance.now();
    let outcome: LineOutcome;
    try {
      outcome = line.fault === null ? await this.outcomeOf(line.payload) : failure(line.fault);
    } catch (error) {
      output.giveUp(place);
      this.giveUp(error);
      return;
    }
    if (outcome.ok) this.counts.done++;
    else this.counts.failed++;
    const finished: FinishedLine = { line, outcome, seconds: (performance.now() - startedAtMs) / 1_000 };
    output.fill(place, format(finished), () => onWritten(finished));
  }

  private giveUp(error: unknown): void {
    if (this.hopeless !== null) return;
    this.hopeless = error instanceof RondoError ? error : new RondoError('INTERNAL', String(error));
    this.options.onHopeless();
  }

  /** Brings one line to its outcome, whatever BUSY or lost nodes come between. Rejects with what is hopeless. */
  private async outcomeOf(payload: string): Promise<LineOutcome> {
    const reply = await runPatiently(this.options.client, this.requestOf(payload), {
      isEnding: () => this.isEnding,
      onRepeated: () => {
        this.counts.repeated++;
      },
    });
    const outcome = outcomeOf(reply);
    if (outcome !== null) return lineOutcome(outcome);
    if (reply.ok) throw new RondoError('INTERNAL', 'an answer that is OK is an outcome');
    if (isHopeless(reply.code)) throw refusal(reply);
    return failure({ name: reply.code, message: reply.message });
  }

  /** With its key, if it has one: however often the line is submitted, it is the same job. */
  private requestOf(payload: string): ClientRequest {
    const { client, task, submitOptions } = this.options;
    const onAgain = (): void => {
      this.counts.repeated++;
    };
    return client.keyed({ verb: 'RUN', operands: [task], options: submitOptions, payload, onAgain });
  }
}

function lineOutcome(outcome: Outcome): LineOutcome {
  if (outcome.type === 'done') return { ok: true, result: outcome.result };
  return { ok: false, id: outcome.type === 'failed' ? outcome.failure.id : null, error: errorOf(outcome) };
}

function failure({ name, message }: { readonly name: string; readonly message: string }): LineOutcome {
  return { ok: false, id: null, error: { name, message } };
}
