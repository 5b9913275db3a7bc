import { posix } from 'node:path';
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
} from 'typescript/unstable/ast';
import { lineOf, type Node, type Source, SyntaxKind, type Violation, walk } from './source-tree.js';

/**
 * The architecture's arrows: what each directory of src may import besides itself. They point right only:
 *
 *     cli ─► library ─► node ─► net · scheduler · store · http ─► protocol ─► core
 *                 └───► client ─► protocol · core               sim ─► protocol · core
 */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  cli: ['library', 'node', 'client', 'sim', 'net', 'scheduler', 'store', 'http', 'protocol', 'core'],
  library: ['node', 'client', 'net', 'scheduler', 'protocol', 'core'],
  node: ['net', 'scheduler', 'store', 'http', 'protocol', 'core'],
  net: ['protocol', 'core'],
  scheduler: ['protocol', 'core'],
  store: ['protocol', 'core'],
  http: ['protocol', 'core'],
  sim: ['protocol', 'core'],
  client: ['protocol', 'core'],
  protocol: ['core'],
  core: [],
};

/** The package's entry points may export from any layer; no layer imports them. */
const entryPoints: ReadonlySet<string> = new Set(['src/index.ts', 'src/index.cts']);

/** The only thing outside src that core may use: a pure function of bytes. */
const coreImports: Readonly<Record<string, readonly string[]>> = { 'node:crypto': ['createHash'] };

/** Bytes and values only: neither sockets nor time nor files. */
const protocolBans: ReadonlySet<string> = new Set(
  'net tls dgram http http2 https dns fs timers worker_threads child_process cluster'
    .split(' ')
    .flatMap((name) => [`node:${name}`, name]),
);

/** Every import under src that points the wrong way, and every one of core and protocol that leaves its world. */
export function checkLayers(sources: readonly Source[]): Violation[] {
  return sources.flatMap((source) =>
    importsOf(source).flatMap((found) => {
      const what = importFault(source.path, found);
      return what === null ? [] : [{ path: source.path, line: found.line, what }];
    }),
  );
}

interface FoundImport {
  readonly line: number;
  /** Null when it is computed at run time. */
  readonly specifier: string | null;
  /** Null: the module as a whole. */
  readonly names: readonly string[] | null;
}

function importFault(path: string, { specifier, names }: FoundImport): string | null {
  const layer = layerOf(path);
  if (layer === null) return `is in no known layer; the layers are ${Object.keys(arrows).join(', ')}`;
  if (specifier === null) return layer === 'core' || layer === 'protocol' ? 'imports a computed path' : null;
  if (!specifier.startsWith('.')) return externalImportFault(layer, specifier, names);

  const target = posix.join(posix.dirname(path), specifier);
  const targetLayer = layerOf(target.replace(/\.js$/, '.ts'));
  if (!target.startsWith('src/')) return `imports ${target}, which is outside src`;
  // The one for CommonJS stands in for the other.
  if (layer === 'entry' && targetLayer === 'entry') return null;
  if (targetLayer === null || targetLayer === 'entry') return `imports ${target}, which is in no layer`;
  if (layer === 'entry' || layer === targetLayer || arrows[layer]?.includes(targetLayer)) return null;
  return `${layer} must not import ${targetLayer} (${specifier})`;
}

function externalImportFault(
  layer: string,
  specifier: string,
  names: readonly string[] | null,
): string | null {
  if (layer === 'protocol' && protocolBans.has(specifier)) return `protocol must not import ${specifier}`;
  if (layer !== 'core') return null;
  const allowed = coreImports[specifier];
  if (allowed === undefined) return `core must not import ${specifier}`;
  if (names === null) return `core may take only ${allowed.join(', ')} from ${specifier}, by name`;
  const excess = names.filter((name) => !allowed.includes(name));
  return excess.length === 0 ? null : `core must not import ${excess.join(', ')} from ${specifier}`;
}

function layerOf(path: string): string | null {
  if (entryPoints.has(path)) return 'entry';
  const [top, layer, ...rest] = path.split('/');
  if (top !== 'src' || layer === undefined || rest.length === 0) return null;
  return Object.hasOwn(arrows, layer) ? layer : null;
}

/** Static, type-only, re-exporting and dynamic imports, and `import('x')` as a type. */
function importsOf(source: Source): FoundImport[] {
  const found: FoundImport[] = [];
  walk(source.tree, (node) => {
    const module = moduleOf(node);
    if (module === undefined) return;
    found.push({ line: lineOf(source, node), specifier: textOf(module), names: importedNames(node, source) });
  });
  return found;
}

function textOf(module: Node | null): string | null {
  if (module === null) return null;
  return isStringLiteral(module) || isNoSubstitutionTemplateLiteral(module) ? module.text : null;
}

/** The node that names the module; undefined when this is no import, null when nothing names it. */
function moduleOf(node: Node): Node | null | undefined {
  if (isImportDeclaration(node)) return node.moduleSpecifier;
  if (isExportDeclaration(node)) return node.moduleSpecifier;
  if (isImportTypeNode(node)) return isLiteralTypeNode(node.argument) ? node.argument.literal : null;
  if (node.kind === SyntaxKind.ExternalModuleReference) return childOf(node);
  if (!isCallExpression(node)) return undefined;
  const callee = node.expression;
  const isRequire = callee.kind === SyntaxKind.Identifier && callee.getText() === 'require';
  return isRequire || callee.kind === SyntaxKind.ImportKeyword ? (node.arguments[0] ?? null) : undefined;
}

function childOf(node: Node): Node | null {
  let child: Node | null = null;
  node.forEachChild((each) => {
    child ??= each;
  });
  return child;
}

function importedNames(node: Node, source: Source): string[] | null {
  if (!isImportDeclaration(node) || node.importClause === undefined || node.importClause.name) return null;
  const bindings = node.importClause.namedBindings;
  if (bindings?.kind !== SyntaxKind.NamedImports) return null;
  const names: string[] = [];
  bindings.forEachChild((specifier) => {
    names.push(
      (
        specifier
          .getText(source.tree)
          .replace(/^type /, '')
          .split(' as ')[0] ?? ''
      ).trim(),
    );
  });
  return names;
}
