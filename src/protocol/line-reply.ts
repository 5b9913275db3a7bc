import type { Reply } from '../core/reply.js';
import { onOneLine } from './wording.js';

/** A reply as its line. Whatever the reply holds, it is one line: a line break in it would start another reply. */
export function replyLine(tag: string | null, reply: Reply): string {
  const head = tag === null ? '' : `@${tag} `;
  if (!reply.ok) return `${head}ERR ${reply.code} ${onOneLine(reply.message)}\n`;
  return reply.text === '' ? `${head}OK\n` : `${head}OK ${onOneLine(reply.text)}\n`;
}
