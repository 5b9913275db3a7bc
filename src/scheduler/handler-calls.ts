import type { ClientCommand } from '../core/commands.js';
import type { RunId } from '../core/ids.js';
import { errorReply, type Reply } from '../core/reply.js';
import { commandOf, type HandlerRequest } from '../protocol/handler-request.js';
import type { Attempt } from './attempt.js';
import type { LentPlaces } from './lent-places.js';

export interface HandlerCallsOptions {
  readonly places: LentPlaces;
  /** A place was lent, or taken back. */
  readonly placesChanged: () => void;
  readonly ask: (run: RunId, call: number, command: ClientCommand) => void;
}

interface Call {
  readonly attempt: Attempt;
  /** The handler's own number of it. */
  readonly call: number;
  /** A job that the attempt waits for. */
  readonly isWait: boolean;
}

/** What one attempt may have asked and not been answered. */
const callsPerAttemptMax = 10_000;

/** What handlers ask of the cluster: to the core and back, and the places of those that wait for jobs. */
export class HandlerCalls {
  private readonly calls = new Map<number, Call>();
  private last = 0;

  constructor(private readonly options: HandlerCallsOptions) {}

  begin(attempt: Attempt, call: number, request: HandlerRequest): void {
    const command = attempt.calls.size < callsPerAttemptMax ? commandOf(request) : tooMany;
    if ('ok' in command) {
      attempt.runner.answer(attempt, call, command);
      return;
    }
    const number = ++this.last;
    const isWait = request.verb === 'call';
    this.calls.set(number, { attempt, call, isWait });
    attempt.calls.add(number);
    // Before it is asked: it may be answered at once.
    if (isWait && attempt.waitingCalls++ === 0) {
      this.options.places.lend(attempt.entry.priority);
      this.options.placesChanged();
    }
    this.options.ask(attempt.start.run, number, command);
  }

  answer(number: number, reply: Reply): void {
    const found = this.calls.get(number);
    if (found === undefined) return;
    const { attempt, call } = found;
    this.remove(number, found);
    attempt.runner.answer(attempt, call, reply);
  }

  attemptEnded(attempt: Attempt): void {
    for (const number of attempt.calls) this.remove(number, this.calls.get(number) as Call);
  }

  private remove(number: number, { attempt, isWait }: Call): void {
    this.calls.delete(number);
    attempt.calls.delete(number);
    if (!isWait || --attempt.waitingCalls > 0) return;
    this.options.places.takeBack(attempt.entry.priority);
    this.options.placesChanged();
  }
}

const tooMany = errorReply(
  'BUSY',
  `retry-after=1s ${callsPerAttemptMax} requests of this attempt are not answered`,
);
