import { matchReply } from './dialogue.js';

/** A line that the reader of a document types, and what is printed in answer. */
export interface TourStep {
  /** Line of the document, from 1. */
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
}

const fence = '```console tour';

/** The steps of all blocks marked `console tour`, in order. Throws at output that no command stands before. */
export function parseTour(markdown: string): TourStep[] {
  const steps: { line: number; command: string; expected: string[] }[] = [];
  let step: (typeof steps)[number] | null = null;
  let isOpen = false;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (!isOpen) {
      isOpen = text === fence;
    } else if (text === '```') {
      isOpen = false;
      step = null;
    } else if (text.startsWith('$ ')) {
      step = { line: index + 1, command: text.slice(2), expected: [] };
      steps.push(step);
    } else if (step === null) {
      throw new Error(`line ${index + 1}: "${text}" is the output of no command`);
    } else {
      step.expected.push(text);
    }
  }
  if (isOpen) throw new Error('the last block of the tour has no end');
  return steps;
}

/**
 * Whether this is what the tour shows: `<number>` is a number, `...` in a line any text, `...` as a line any number of
 * lines. The spaces at a line's end are nobody's business: a reader does not see them.
 */
export function matchesTour(expected: readonly string[], printed: readonly string[]): boolean {
  const [wanted, ...rest] = expected;
  if (wanted === undefined) return printed.length === 0;
  if (wanted === '...') {
    return printed.some((_, skipped) => matchesTour(rest, printed.slice(skipped))) || rest.length === 0;
  }
  const [line, ...others] = printed;
  return line !== undefined && matchesLine(wanted, line.trimEnd()) && matchesTour(rest, others);
}

function matchesLine(wanted: string, line: string): boolean {
  const caught = new Map<string, string>();
  // Each <number> is one of its own, so they are told apart before the dialogues' notation reads them.
  let count = 0;
  const pattern = wanted.replaceAll('<number>', () => `<number${++count}>`);
  return matchReply(pattern, line, caught) && [...caught.values()].every((value) => /^\d+$/.test(value));
}
