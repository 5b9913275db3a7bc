import { RondoError } from '../core/errors.js';
import type { Client } from './client.js';
import type { ClientItem, ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';

export type SubscriptionItem =
  /** It holds from here on. */
  | { readonly type: 'subscribed' }
  /** The node was lost, and another one is asked: what is published until the next `subscribed` is missed. */
  | { readonly type: 'gap' }
  /** `data` is a value, or raw bytes as a Buffer. */
  | { readonly type: 'message'; readonly topic: string; readonly data: unknown };

/**
 * What is published to topics, for as long as there is a node to subscribe at; its answer when it ends the subscription. Messages from
 * before are told by the first node only, since a further one would tell some of them a second time.
 */
export async function* subscribeTo(
  client: Client,
  request: ClientRequest,
): AsyncGenerator<SubscriptionItem, ClientReply, undefined> {
  let due = request;
  let holds = false;
  let isGap = false;
  const items = client.stream({
    request: () => due,
    onAgain: () => {
      isGap ||= holds;
      holds = false;
    },
  });
  try {
    for (;;) {
      const step = await items.next();
      if (step.done === true) return step.value;
      const item = read(step.value);
      if (isGap) yield { type: 'gap' };
      isGap = false;
      if (item?.type === 'subscribed') {
        holds = true;
        due = withoutReplay(due);
      }
      if (item !== null) yield item;
    }
  } finally {
    await items.return(undefined as never);
  }
}

function withoutReplay(request: ClientRequest): ClientRequest {
  const { options = [] } = request;
  if (!options.some(([name]) => name === 'replay')) return request;
  return { ...request, options: options.filter(([name]) => name !== 'replay') };
}

/** Null for a kind of item that is not known here. */
function read({ kind, text, bytes }: ClientItem): SubscriptionItem | null {
  if (kind === 'subscribed') return { type: 'subscribed' };
  if (kind !== 'message') return null;
  if (bytes !== null) {
    const topic = /(?:^| )topic=(\S+)/.exec(text)?.[1];
    if (topic !== undefined) return { type: 'message', topic, data: bytes };
  } else {
    const message = parsed(text);
    if (typeof message?.topic === 'string')
      return { type: 'message', topic: message.topic, data: message.data };
  }
  throw new RondoError('BAD_REPLY', `this is no message: ${JSON.stringify(text.slice(0, 60))}`);
}

function parsed(text: string): { readonly topic?: unknown; readonly data?: unknown } | null {
  try {
    return JSON.parse(text) as { topic?: unknown; data?: unknown } | null;
  } catch {
    return null;
  }
}
