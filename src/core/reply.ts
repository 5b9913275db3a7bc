import type { ErrorCode } from './errors.js';

/** The answer to a client's request: `OK text`, or `ERR code message`. Text and message hold no line break. */
export type Reply =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export function okReply(text = ''): Reply {
  return { ok: true, text };
}

export function errorReply(code: ErrorCode, message: string): Reply {
  return { ok: false, code, message };
}
