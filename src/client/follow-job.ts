import type { Client } from './client.js';
import { hasKey } from './own-key.js';
import type { ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';
import { type JobItem, WatchPlace } from './watch-place.js';

export interface FollowedJob {
  /** `WATCH id`, or a RUN with `stream=yes`. */
  readonly request: ClientRequest;
  /** It is about to be submitted again: all nodes that knew it are lost. */
  readonly onLost?: () => void;
}

/** A job that is lost with its nodes so often may be what ends them. */
export const submitsMax = 5;

/**
 * What happens to a job, and in the end its outcome as WAIT answers it, from whatever nodes are there. A RUN that has told of its job goes on
 * elsewhere as a WATCH of that; a job with a key that nobody knows any more is submitted again. Rejects as `Client.request` does.
 */
export async function* followJob(
  client: Client,
  { request, onLost }: FollowedJob,
): AsyncGenerator<JobItem, ClientReply, undefined> {
  const place = new WatchPlace();
  const isSubmitted = request.verb.toUpperCase() === 'RUN';
  for (let submits = 1; ; submits++) {
    let due = request;
    let hasLostNode = false;
    const onAgain = (): void => {
      hasLostNode = true;
      place.resume();
    };
    const items = client.stream({ request: () => due, onAgain });
    const reply = yield* newsOf(items, place, (id) => {
      if (isSubmitted && due === request) due = { verb: 'WATCH', operands: [id], signal: request.signal };
    });
    const isUnknown = !reply.ok && (reply.code === 'UNAVAILABLE' || reply.code === 'NOT_FOUND');
    const isLost = isUnknown && hasLostNode && isSubmitted && hasKey(request);
    if (!isLost || submits === submitsMax) {
      const missed = reply.ok ? place.end() : null;
      if (missed !== null) yield missed;
      return reply;
    }
    onLost?.();
    place.restart();
  }
}

async function* newsOf(
  items: ReturnType<Client['stream']>,
  place: WatchPlace,
  onId: (id: string) => void,
): AsyncGenerator<JobItem, ClientReply, undefined> {
  try {
    for (;;) {
      const step = await items.next();
      if (step.done === true) return step.value;
      const news = place.take(step.value);
      if (news?.type === 'state') onId(news.id);
      if (news !== null) yield news;
    }
  } finally {
    await items.return(undefined as never);
  }
}
