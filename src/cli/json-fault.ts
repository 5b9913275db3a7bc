/** Where a text stops being JSON, in characters from 0; its length when it is only unfinished, null when it is JSON. */
export function findJsonFault(text: string): number | null {
  const open: ('{' | '[')[] = [];
  let expected: 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end' = 'value';
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const character = text[at] as string;
    let next = at + 1;
    if (expected === 'colon') {
      if (character !== ':') return at;
      expected = 'value';
    } else if (expected === 'comma or end') {
      const container = open.at(-1);
      if (container === undefined) return at;
      if (character === ',') expected = container === '{' ? 'key' : 'value';
      else if (character === (container === '{' ? '}' : ']')) open.pop();
      else return at;
    } else if (expected === 'key' || expected === 'key or }') {
      if (character === '"') {
        next = scalarEnd(text, at);
        expected = 'colon';
      } else if (character === '}' && expected === 'key or }') {
        open.pop();
        expected = 'comma or end';
      } else return at;
    } else if (character === '{' || character === '[') {
      open.push(character);
      expected = character === '{' ? 'key or }' : 'value or ]';
    } else if (character === ']' && expected === 'value or ]') {
      open.pop();
      expected = 'comma or end';
    } else {
      next = scalarEnd(text, at);
      expected = 'comma or end';
    }
    if (next === -1) return at;
    at = skipSpace(text, next);
  }
  return open.length === 0 && expected === 'comma or end' ? null : text.length;
}

/** Where the string, number or word that begins here ends; -1 when it is none. */
function scalarEnd(text: string, start: number): number {
  if (text[start] === '"') return stringEnd(text, start);
  const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') return at + 1;
    if (character < ' ') return -1;
    if (character !== '\\') continue;
    const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
    escaped.lastIndex = at + 1;
    if (!escaped.test(text)) return -1;
    at = escaped.lastIndex - 1;
  }
  return -1;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return at;
}
