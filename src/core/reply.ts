import type { ErrorCode } from './errors.js';

/** The answer to a client's request: `OK text`, or `ERR code message`. Text and message hold no line break. */
export type Reply =
  | {
      readonly ok: true;
      readonly text: string;
      /** In place of the text: a result of raw bytes. */
      readonly bytes?: Uint8Array;
    }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export function okReply(text = ''): Reply {
  return { ok: true, text };
}

export function bytesReply(bytes: Uint8Array): Reply {
  return { ok: true, text: '', bytes };
}

export function errorReply(code: ErrorCode, message: string): Reply {
  return { ok: false, code, message };
}

/** What a reply counts for, in every limit. */
export function replyBytes(reply: Reply): number {
  if (!reply.ok) return reply.message.length;
  return reply.bytes === undefined ? reply.text.length : reply.bytes.length;
}
