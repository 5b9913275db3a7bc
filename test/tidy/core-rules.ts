import {
  isCallExpression,
  isIdentifier,
  isNewExpression,
  isPropertyAccessExpression,
} from 'typescript/unstable/ast';
import { lineOf, type Node, type Source, SyntaxKind, type Violation, walk } from './source-tree.js';

/** Names whose mere mention in core means a clock, a timer, the outside world, or a promise. */
const bannedNames: ReadonlySet<string> = new Set([
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'process',
  'console',
  'globalThis',
  'global',
  'Promise',
  'PromiseLike',
  'EventEmitter',
  'EventTarget',
  'AbortSignal',
  'AbortController',
  'WebSocket',
  'Worker',
  'fetch',
  'require',
  'eval',
  'Function',
  'crypto',
  'randomUUID',
  'randomBytes',
  'randomInt',
  'getRandomValues',
]);

/** Everything under src/core that is not synchronous, pure and repeatable. */
export function checkCore(sources: readonly Source[]): Violation[] {
  return sources
    .filter(({ path }) => path.startsWith('src/core/'))
    .flatMap((source) => {
      const violations: Violation[] = [];
      walk(source.tree, (node) => {
        const what = impurityOf(node, source);
        if (what !== null) violations.push({ path: source.path, line: lineOf(source, node), what });
      });
      return violations;
    });
}

function impurityOf(node: Node, source: Source): string | null {
  if (node.kind === SyntaxKind.AsyncKeyword) return 'core must not be async';
  if (node.kind === SyntaxKind.AwaitExpression || node.kind === SyntaxKind.AwaitKeyword) {
    return 'core must not await';
  }
  if (!isIdentifier(node) || isOnlyAName(node)) return null;
  const name = node.getText(source.tree);
  if (bannedNames.has(name)) return `core must not use ${name}`;
  if (name === 'Math') return memberFault(node, source, 'random');
  if (name === 'Date') return dateFault(node, source);
  return null;
}

/** `x.process`, `{ process: 1 }` and `interface { process }` name a member of a value, not the global. */
function isOnlyAName(node: Node): boolean {
  const parent = node.parent;
  if (isPropertyAccessExpression(parent)) return parent.name === node;
  const isMember =
    parent.kind === SyntaxKind.PropertyAssignment ||
    parent.kind === SyntaxKind.PropertySignature ||
    parent.kind === SyntaxKind.PropertyDeclaration ||
    parent.kind === SyntaxKind.MethodSignature ||
    parent.kind === SyntaxKind.MethodDeclaration;
  return isMember && (parent as Node & { readonly name?: Node }).name === node;
}

/** A clock's global is allowed only where it can be seen which member is used, and that one is not the banned one. */
function memberFault(node: Node, source: Source, banned: string): string | null {
  const name = node.getText(source.tree);
  const parent = node.parent;
  if (!isPropertyAccessExpression(parent)) return `core must not use ${name} but as ${name}.member`;
  return parent.name.getText(source.tree) === banned ? `core must not use ${name}.${banned}` : null;
}

/** `new Date(wallMs)` only writes down a time that was given; `new Date()` and `Date()` read the clock. */
function dateFault(node: Node, source: Source): string | null {
  const parent = node.parent;
  if (isNewExpression(parent) && parent.expression === node) {
    return (parent.arguments?.length ?? 0) > 0 ? null : 'core must not use new Date()';
  }
  if (isCallExpression(parent) && parent.expression === node) return 'core must not use Date()';
  if (parent.kind === SyntaxKind.TypeReference) return null;
  return memberFault(node, source, 'now');
}
