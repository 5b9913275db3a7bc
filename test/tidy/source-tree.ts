import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';

/** One TypeScript file, by its path from the top of the repository, with its syntax tree. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: SourceFile;
}

/** Something that the house rules forbid, and where it stands. */
export interface Violation {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

/** The top of the repository; this file runs as dist/test/tidy/source-tree.js. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Every TypeScript file of ours under these directories of the repository, parsed. */
export function readSources(...directories: string[]): Source[] {
  const texts = new Map<string, string>();
  for (const directory of directories) {
    for (const entry of readdirSync(join(repositoryRoot, directory), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!entry.isFile() || !/\.c?ts$/.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      if (path.includes(join('/', 'node_modules', '/'))) continue;
      texts.set(relative(repositoryRoot, path), readFileSync(path, 'utf8'));
    }
  }
  return parseSources(Object.fromEntries(texts));
}

/** Parses texts by their paths, with the compiler that builds them; nothing is read from the disk. */
export function parseSources(texts: Readonly<Record<string, string>>): Source[] {
  const paths = Object.keys(texts).sort();
  const config = { compilerOptions: { noLib: true, noResolve: true, types: [] }, files: paths };
  const virtual: Record<string, string> = { '/tsconfig.json': JSON.stringify(config) };
  for (const path of paths) virtual[`/${path}`] = texts[path] as string;
  const api = new API({ cwd: '/', fs: createVirtualFileSystem(virtual) });
  try {
    const snapshot = api.updateSnapshot({ openProjects: ['/tsconfig.json'] });
    const program = snapshot.getProject('/tsconfig.json')?.program;
    return paths.map((path) => {
      const tree = program?.getSourceFile(`/${path}`);
      if (tree === undefined) throw new Error(`the compiler gave no tree for ${path}`);
      return { path, text: texts[path] as string, tree };
    });
  } finally {
    api.close();
  }
}

/** Calls `visit` for every node of the tree, parents first. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** The line of a node's first token, from 1. */
export function lineOf(source: Source, node: Node): number {
  return lineAt(source.text, node.getStart(source.tree));
}

/** The line that holds the character at this offset, from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = text.indexOf('\n'); index >= 0 && index < offset; index = text.indexOf('\n', index + 1))
    line++;
  return line;
}

/** `path:line: what`, a line each, as an editor can follow it. */
export function describeViolations(violations: readonly Violation[]): string[] {
  return violations.map(({ path, line, what }) => `${path}:${line}: ${what}`);
}

export { type Node, SyntaxKind };
