import { posix } from 'node:path';
import {
  isCallExpression,
  isFunctionLikeDeclaration,
  isPropertyAccessExpression,
} from 'typescript/unstable/ast';
import { lineAt, lineOf, type Node, type Source, SyntaxKind, type Violation, walk } from './source-tree.js';

/** A file has one subject; past this it has two. */
export const fileLinesMax = 400;
/** A function fits a screen; the functions inside it are counted on their own. */
export const functionLinesMax = 70;

/** Words that say nothing about what a file is for, so that everything ends up in it. */
const emptyWords = /^(utils?|utilities|helpers?|managers?|misc|stuff)$/;
/** Names that say nothing when they stand alone. */
const emptyNames = /^(common|shared|data|process)$/;

export function checkFileLengths(sources: readonly Source[]): Violation[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    if (lines <= fileLinesMax) return [];
    return [
      { path, line: 1, what: `has ${lines} lines, and ${fileLinesMax} are the most: split it by subject` },
    ];
  });
}

export function checkFileNames(paths: readonly string[]): Violation[] {
  return paths.flatMap((path) => {
    const parts = path
      .toLowerCase()
      .split('/')
      .map((part) => part.split('.')[0] ?? '');
    const empty =
      parts.find((part) => emptyNames.test(part)) ??
      parts.flatMap((part) => part.split(/[-_]/)).find((word) => emptyWords.test(word));
    if (empty === undefined) return [];
    return [
      { path, line: 1, what: `is called "${empty}", which does not say what ${posix.basename(path)} is for` },
    ];
  });
}

export function checkFunctionLengths(sources: readonly Source[]): Violation[] {
  return sources.flatMap((source) => {
    const violations: Violation[] = [];
    walk(source.tree, (node) => {
      if (!isFunctionLikeDeclaration(node)) return;
      const lines = ownLines(node, source);
      if (lines <= functionLinesMax) return;
      const what = `a function of ${lines} lines, and ${functionLinesMax} are the most`;
      violations.push({ path: source.path, line: lineOf(source, node), what });
    });
    return violations;
  });
}

/** Lines from its first to its last, without those that lie wholly inside functions within it. */
function ownLines(node: Node, source: Source): number {
  let lines = linesOf(node, source);
  const subtractInner = (inner: Node): void => {
    if (isFunctionLikeDeclaration(inner)) lines -= Math.max(0, linesOf(inner, source) - 1);
    else inner.forEachChild(subtractInner);
  };
  node.forEachChild(subtractInner);
  return lines;
}

function linesOf(node: Node, source: Source): number {
  return lineAt(source.text, node.getEnd()) - lineOf(source, node) + 1;
}

const partialRuns: ReadonlySet<string> = new Set(['skip', 'only', 'todo']);

/** Tests that don't run, or keep others from running: `t.skip(...)`, `t.only(...)`, `{ skip: true }`. */
export function checkNoSkippedTests(tests: readonly Source[]): Violation[] {
  return tests.flatMap((source) => {
    const violations: Violation[] = [];
    walk(source.tree, (node) => {
      const word = isCallExpression(node) ? partialRunOf(node, source) : null;
      if (word === null) return;
      violations.push({ path: source.path, line: lineOf(source, node), what: `"${word}" leaves tests out` });
    });
    return violations;
  });
}

function partialRunOf(
  call: Node & { readonly expression: Node; readonly arguments: readonly Node[] },
  source: Source,
): string | null {
  const callee = call.expression;
  if (!isPropertyAccessExpression(callee)) return null;
  const name = callee.name.getText(source.tree);
  const isOnTest = /^(t|test|tap)$/.test(callee.expression.getText(source.tree).split('.')[0] ?? '');
  if (isOnTest && partialRuns.has(name)) return name;
  if (!isOnTest || name !== 'test') return null;
  let found: string | null = null;
  for (const argument of call.arguments) {
    if (argument.kind !== SyntaxKind.ObjectLiteralExpression) continue;
    argument.forEachChild((property) => {
      const key = (property as Node & { readonly name?: Node }).name?.getText(source.tree);
      if (key !== undefined && partialRuns.has(key)) found = key;
    });
  }
  return found;
}

/** Constants and properties called `...Max` or `...Min` whose number is written down in more than one place. */
export function checkLimitsNamedOnce(sources: readonly Source[]): Violation[] {
  const firstPlaces = new Map<string, string>();
  const violations: Violation[] = [];
  for (const source of sources) {
    walk(source.tree, (node) => {
      const name = numberedLimitName(node, source);
      if (name === null) return;
      const line = lineOf(source, node);
      const first = firstPlaces.get(name);
      if (first === undefined) firstPlaces.set(name, `${source.path}:${line}`);
      else violations.push({ path: source.path, line, what: `${name} already has its number at ${first}` });
    });
  }
  return violations;
}

function numberedLimitName(node: Node, source: Source): string | null {
  if (node.kind !== SyntaxKind.VariableDeclaration && node.kind !== SyntaxKind.PropertyAssignment)
    return null;
  const { name, initializer } = node as Node & { readonly name: Node; readonly initializer?: Node };
  const text = name.getText(source.tree);
  if (initializer === undefined || !/[a-z](Max|Min)$/.test(text)) return null;
  return /^[\d_.\s*+()-]+$/.test(initializer.getText(source.tree)) ? text : null;
}

/** Every error code that a text in Markdown shows: `ERR CODE` anywhere, and the rows of its tables of errors. */
export function documentedErrorCodes(markdown: string): Set<string> {
  const codes = new Set<string>();
  for (const [, code] of markdown.matchAll(/\bERR ([A-Z][A-Z0-9_]+)/g)) codes.add(code as string);
  for (const code of tabledErrorCodes(markdown)) codes.add(code);
  codes.delete('CODE');
  return codes;
}

/** The codes that have a row, first cell in backquotes, under a heading that says "error". */
export function tabledErrorCodes(markdown: string): Set<string> {
  const codes = new Set<string>();
  let isAboutErrors = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('#')) isAboutErrors = /error/i.test(line);
    const code = isAboutErrors ? /^\|\s*`([A-Z][A-Z0-9_]+)`\s*\|/.exec(line)?.[1] : undefined;
    if (code !== undefined) codes.add(code);
  }
  return codes;
}
