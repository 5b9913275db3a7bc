/** What a journal's thread is started with. */
export interface JournalThreadStart {
  /** Made if it isn't there. */
  readonly directory: string;
  /** Changes that are written at each opening, in the form of `packChanges`. */
  readonly opening: Uint8Array;
  /** The file has just been looked through. */
  readonly isTrusted: boolean;
}

/** What the thread is told: the next `write` only after the report of the last one. */
export type JournalOrder =
  | { readonly type: 'write'; readonly changes: Uint8Array }
  | { readonly type: 'close' };

/** What it says. After `failed` it writes nothing, and says `recovered` once it could again. */
export type JournalReport =
  | { readonly type: 'written' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'recovered' };

/** A key's new value; null: it has none from now on. */
export interface Change {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

const removed = 0xffff_ffff;
const prefixBytes = 5;

/** Changes as one piece of memory that can be handed to another thread: key's length (1), value's length (4), key, value. */
export function packChanges(changes: readonly Change[]): Uint8Array<ArrayBuffer> {
  const total = changes.reduce(
    (sum, { key, value }) => sum + prefixBytes + key.length + (value?.length ?? 0),
    0,
  );
  const packed = Buffer.from(new ArrayBuffer(total));
  let at = 0;
  for (const { key, value } of changes) {
    at = packed.writeUInt8(key.length, at);
    at = packed.writeUInt32LE(value?.length ?? removed, at);
    at += key.copy(packed, at);
    at += value?.copy(packed, at) ?? 0;
  }
  return new Uint8Array(packed.buffer);
}

export function* readChanges(bytes: Uint8Array): Generator<Change> {
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < packed.length; ) {
    const keyBytes = packed.readUInt8(at);
    const valueBytes = packed.readUInt32LE(at + 1);
    const valueAt = at + prefixBytes + keyBytes;
    at = valueAt + (valueBytes === removed ? 0 : valueBytes);
    const value = valueBytes === removed ? null : packed.subarray(valueAt, at);
    yield { key: packed.subarray(valueAt - keyBytes, valueAt), value };
  }
}
