import { setTimeout as delay } from 'node:timers/promises';
import type { Attempts } from './attempts.js';
import type { Connection } from './connection.js';
import { ItemFeed } from './item-feed.js';
import type { ClientItem, ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';
import { untilAborted } from './until-aborted.js';

/** Where streaming requests find their connections. */
export interface StreamHost {
  /** A connection for one request alone. Rejects with `NO_NODE`, `UNAUTHORIZED` or, once the client is closed, `UNAVAILABLE`. */
  open(): Promise<Connection>;
  /** This node won't do: the next request goes to another one, where there is one. */
  moveOnFrom(node: string): void;
  attemptsAt(request: ClientRequest): Attempts;
}

export interface ItemPlan {
  /** What is asked now: the same object for as long as it is the same request. */
  readonly request: () => ClientRequest;
  /** It is about to be asked again: what comes now comes from another node, or from the beginning. */
  readonly onAgain: () => void;
}

/** A request that was told items for so long was not what ended its node: what came before is forgotten. */
const steadyMs = 1_000;

/**
 * The items of a streaming request, then its reply, as it is asked of one node after the other. Rejects as `Client.request` does, and
 * with the reason of the signal. Who leaves it early closes the connection beneath.
 */
export async function* streamItems(
  host: StreamHost,
  plan: ItemPlan,
): AsyncGenerator<ClientItem, ClientReply, undefined> {
  let request = plan.request();
  let attempts = host.attemptsAt(request);
  const { signal } = request;
  let lostAt: string | null = null;
  for (;;) {
    const feed = new ItemFeed(await connectionFor(host, attempts, signal), request);
    attempts.begin();
    const beganAtMs = performance.now();
    let hasItems = false;
    try {
      let told = await feed.next(signal);
      for (; !('type' in told); told = await feed.next(signal)) {
        hasItems = true;
        yield told;
      }
      const due = plan.request();
      const isSteady = hasItems && performance.now() - beganAtMs >= steadyMs;
      if (due !== request || isSteady) attempts = host.attemptsAt(due);
      request = due;
      const next =
        told.type === 'replied' ? attempts.afterReply(told.reply) : attempts.afterLoss(feed.node, told);
      if (next.type === 'end') return next.reply;
      // A node may close one connection and be there still; where it does so twice it is no use.
      const isUseless = told.type === 'replied' || (!isSteady && lostAt === feed.node);
      if (next.elsewhere && isUseless) host.moveOnFrom(feed.node);
      lostAt = feed.node;
      plan.onAgain();
      if (next.pauseMs > 0) await delay(next.pauseMs, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      feed.close();
    }
  }
}

async function connectionFor(
  host: StreamHost,
  attempts: Attempts,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  signal?.throwIfAborted();
  const opening = host.open();
  try {
    return await (signal === undefined ? opening : untilAborted(opening, signal));
  } catch (error) {
    void opening.then((connection) => connection.close()).catch(() => {});
    throw signal?.aborted === true ? error : attempts.faultOf(error);
  }
}
