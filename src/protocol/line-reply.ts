import type { Item } from '../core/item.js';
import type { Payload } from '../core/payload.js';
import type { Reply } from '../core/reply.js';
import type { Words } from './answer-queue.js';
import { onOneLine } from './wording.js';

/** A reply as its line, and the body of one with raw bytes. Whatever the reply holds, a line break in it would start another one. */
export function replyWords(tag: string | null, reply: Reply): Words {
  const head = headOf(tag);
  if (!reply.ok) return `${head}ERR ${reply.code} ${onOneLine(reply.message)}\n`;
  if (reply.bytes !== undefined) return withBody(`${head}OK`, reply.bytes);
  return reply.text === '' ? `${head}OK\n` : `${head}OK ${onOneLine(reply.text)}\n`;
}

/** An item as its line, and its body. */
export function itemWords(tag: string | null, item: Item): Words {
  const head = `${headOf(tag)}* ${item.type}`;
  switch (item.type) {
    case 'data':
      return payloadWords(head, item.payload);
    case 'message': {
      const { topic, payload } = item.message;
      if (typeof payload === 'string') return `${head} {"topic":"${topic}","data":${payload}}\n`;
      return withBody(head, payload, ` topic=${topic}`);
    }
    default:
      return `${head} ${item.text}\n`;
  }
}

function payloadWords(head: string, payload: Payload): Words {
  return typeof payload === 'string' ? `${head} ${payload}\n` : withBody(head, payload);
}

function withBody(head: string, bytes: Uint8Array, more = ''): Words {
  return [`${head} bytes=${bytes.length} type=binary${more}\n`, bytes, '\n'];
}

function headOf(tag: string | null): string {
  return tag === null ? '' : `@${tag} `;
}
