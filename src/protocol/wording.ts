import { nearestName } from './spelling.js';

/** What is shown of a client's own words in an error: enough to recognise them by. */
const quotedLengthMax = 40;

/** A client's words in quotation marks, cut, with control characters and quotes escaped, so on one line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > quotedLengthMax ? `${text.slice(0, quotedLengthMax)}...` : text);
}

/** ` Did you mean X?` for a name that is a slip of the pen off a known one, or nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === null ? '' : ` Did you mean ${nearest}?`;
}

/** The text with every run of line breaks made one space. In JSON text, breaks are never inside a string, so it stays the same value. */
export function onOneLine(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]+/g, ' ') : text;
}
