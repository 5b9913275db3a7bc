/** One dialogue of a document: a fenced block whose info string begins with `dialogue`. */
export interface Dialogue {
  /** The nearest heading above it, for test names. */
  readonly title: string;
  /** Line of the document on which its fence opens, from 1. */
  readonly line: number;
  /** What must be so before it is played: the other words of the info string. */
  readonly conditions: readonly string[];
  readonly steps: readonly DialogueStep[];
}

export type DialogueStep =
  /** A line, with placeholders to be filled in. */
  | { readonly type: 'send'; readonly text: string; readonly line: number }
  /** A body: sent as it stands. */
  | { readonly type: 'send_raw'; readonly text: string; readonly line: number }
  | { readonly type: 'half_close'; readonly line: number }
  | { readonly type: 'expect'; readonly pattern: string; readonly line: number }
  | { readonly type: 'expect_close'; readonly line: number };

/** Finds the dialogues of a Markdown text. Throws at a line in one that is none of the notation. */
export function parseDialogues(markdown: string): Dialogue[] {
  const dialogues: Dialogue[] = [];
  let title = '';
  let open: { line: number; conditions: string[]; steps: DialogueStep[] } | null = null;
  let isOtherFence = false;
  for (const [index, text] of markdown.split('\n').entries()) {
    const line = index + 1;
    if (open !== null) {
      if (text === '```') {
        dialogues.push({ title, ...open });
        open = null;
      } else if (text !== '') {
        open.steps.push(parseStep(text, line));
      }
    } else if (text.startsWith('```')) {
      const [kind, ...conditions] = text.slice(3).split(' ');
      if (!isOtherFence && kind === 'dialogue') open = { line, conditions, steps: [] };
      else isOtherFence = !isOtherFence;
    } else if (!isOtherFence && /^#+ /.test(text)) {
      title = text.replace(/^#+ /, '').replaceAll('`', '');
    }
  }
  if (open !== null) throw new Error(`line ${open.line}: this dialogue has no end`);
  return dialogues;
}

/**
 * What a pattern of `S:` lines means, given what was captured before. `...` is any text; `<json>` is a JSON value;
 * `<id>`, `<id2>` is a job id and `<name>` any word: caught at its first use, the same ever after.
 */
export function matchReply(pattern: string, reply: string, captured: Map<string, string>): boolean {
  const names: string[] = [];
  const source = pattern
    .split(/(\.\.\.|<[a-z]+[0-9]*>)/)
    .map((part) => {
      if (part === '...') return '.*';
      if (part === '<json>') {
        names.push('json');
        return '(.+)';
      }
      const name = /^<([a-z]+[0-9]*)>$/.exec(part)?.[1];
      if (name === undefined) return escapePattern(part);
      const known = captured.get(name);
      if (known !== undefined) return escapePattern(known);
      names.push(name);
      return name.startsWith('id') ? '([0-9a-v]{12}-[0-9a-v]{5}-[0-9a-z]+|key-[0-9a-v]{26})' : '([^ ",]+)';
    })
    .join('');
  const match = new RegExp(`^${source}$`, 's').exec(reply);
  if (match === null) return false;
  for (const [index, name] of names.entries()) {
    const value = match[index + 1] as string;
    if (name === 'json') {
      if (!isJson(value)) return false;
    } else if (captured.has(name)) {
      if (captured.get(name) !== value) return false;
    } else {
      captured.set(name, value);
    }
  }
  return true;
}

/** The bytes of a `C:` line: `<id>` is what was captured, `<0xff>` a byte, `<x*70000>` a repeated character. */
export function fillIn(text: string, captured: ReadonlyMap<string, string>): Buffer {
  const parts = text.split(/(<0x[0-9a-f]{2}>|<[^<>]\*[0-9]+>|<[a-z]+[0-9]*>)/);
  return Buffer.concat(
    parts.map((part) => {
      const byte = /^<0x([0-9a-f]{2})>$/.exec(part);
      if (byte !== null) return Buffer.from(byte[1] as string, 'hex');
      const repeat = /^<([^<>])\*([0-9]+)>$/.exec(part);
      if (repeat !== null) return Buffer.from((repeat[1] as string).repeat(Number(repeat[2])));
      const name = /^<([a-z]+[0-9]*)>$/.exec(part)?.[1];
      if (name === undefined) return Buffer.from(part);
      const value = captured.get(name);
      if (value === undefined) throw new Error(`<${name}> was not caught in an answer before`);
      return Buffer.from(value);
    }),
  );
}

function parseStep(text: string, line: number): DialogueStep {
  if (text === 'C: (half-close)') return { type: 'half_close', line };
  if (text === 'S: (closed)') return { type: 'expect_close', line };
  if (text === 'C:') return { type: 'send', text: '', line };
  const content = text.slice(3);
  if (text.startsWith('C: ')) return { type: 'send', text: content, line };
  if (text.startsWith('C> ')) return { type: 'send_raw', text: content, line };
  if (text.startsWith('S: ')) return { type: 'expect', pattern: content, line };
  throw new Error(`line ${line}: "${text}" is no step of a dialogue: it begins with "C: ", "C> " or "S: "`);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
