import { closest, distance } from 'fastest-levenshtein';

/** What is shown of a client's own words in an error: enough to recognise them by. */
const quotedLengthMax = 40;
/** Beyond this many changed letters a name is another name, and no slip. */
const slipLettersMax = 2;
/** Names are short; a longer one is not compared at all, since comparing costs its length. */
const comparedLengthMax = 32;

/** A client's words in quotation marks, cut, with control characters and quotes escaped, so on one line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > quotedLengthMax ? `${text.slice(0, quotedLengthMax)}...` : text);
}

/** ` Did you mean X?` for a name that is one or two letters off a known one, or nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  if (name.length === 0 || name.length > comparedLengthMax || known.length === 0) return '';
  const nearest = closest(name, known);
  return distance(name, nearest) <= slipLettersMax ? ` Did you mean ${nearest}?` : '';
}

/** The text with every run of line breaks made one space. In JSON text, breaks are never inside a string, so it stays the same value. */
export function onOneLine(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]+/g, ' ') : text;
}
