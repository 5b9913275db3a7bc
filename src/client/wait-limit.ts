import { durationOf } from '../protocol/durations.js';
import type { ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';

/** A node tells that the time is over up to 250 ms late; one that hangs doesn't. */
const graceMs = 2_000;

/** `timeout=` of a WAIT counts from its first node on, however many it is asked of. */
export class WaitLimit {
  private constructor(
    private readonly request: ClientRequest,
    private readonly endsAtMs: number,
  ) {}

  /** Null for what has no such limit, or one that only a node can say is wrong. */
  static of(request: ClientRequest): WaitLimit | null {
    if (request.verb.toUpperCase() !== 'WAIT') return null;
    const timeout = request.options?.find(([name]) => name === 'timeout')?.[1];
    const timeoutMs = timeout === undefined ? null : durationOf(timeout);
    return typeof timeoutMs === 'number' ? new WaitLimit(request, performance.now() + timeoutMs) : null;
  }

  /** The request with the time that is left; null when none is. */
  rest(): ClientRequest | null {
    const leftMs = Math.ceil(this.endsAtMs - performance.now());
    if (leftMs <= 0) return null;
    const options = (this.request.options ?? []).filter(([name]) => name !== 'timeout');
    return { ...this.request, options: [...options, ['timeout', `${leftMs}ms`]] };
  }

  /** What a node answers when the time is over. */
  over(): ClientReply {
    const job = this.request.operands?.[0] ?? '';
    return {
      ok: false,
      code: 'TIMEOUT',
      message: `nothing was heard of job ${job} in that time; it goes on`,
    };
  }

  /** The answer, or that the time is over, which a node that hangs will not say. */
  async bound(answer: Promise<ClientReply>): Promise<ClientReply> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ClientReply>((resolve) => {
      // A timer takes no more than 24 days.
      const ms = Math.min(this.endsAtMs - performance.now() + graceMs, 2 ** 31 - 1);
      if (ms < 2 ** 31 - 1) timer = setTimeout(() => resolve(this.over()), ms);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
