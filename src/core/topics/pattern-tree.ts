import { levelsOf, type Topic } from './topic.js';

/** All patterns that begin with the same levels. */
interface Branch<Value> {
  readonly levels: Map<string, Branch<Value>>;
  /** Those that go on with a `*` which is not their last level. */
  any: Branch<Value> | null;
  /** Of the pattern that ends here. */
  value: Value | null;
  /** Of the pattern that ends with a `*` behind this: it stands for one level or more. */
  open: Value | null;
}

/**
 * Patterns by their levels, each with a value. Which of them a topic fits is found by going down the tree, not from pattern to pattern:
 * at each level there is one branch for the level itself, and one for `*`.
 */
export class PatternTree<Value> {
  private readonly root: Branch<Value> = createBranch();

  set(pattern: Topic, value: Value): void {
    const levels = levelsOf(pattern);
    const last = levels.pop() as string;
    let branch = this.root;
    for (const level of levels) branch = branchAt(branch, level);
    if (last === '*') branch.open = value;
    else branchAt(branch, last).value = value;
  }

  delete(pattern: Topic): void {
    const levels = levelsOf(pattern);
    const last = levels.pop() as string;
    const path: Branch<Value>[] = [this.root];
    for (const level of last === '*' ? levels : [...levels, last]) {
      const next = below(path[path.length - 1] as Branch<Value>, level);
      if (next === null) return;
      path.push(next);
    }
    const end = path[path.length - 1] as Branch<Value>;
    if (last === '*') end.open = null;
    else end.value = null;
    if (last !== '*') levels.push(last);
    // Branches that lead to nothing any more go with it.
    for (let depth = path.length - 1; depth > 0 && isBare(path[depth] as Branch<Value>); depth--) {
      const above = path[depth - 1] as Branch<Value>;
      const level = levels[depth - 1] as string;
      if (level === '*') above.any = null;
      else above.levels.delete(level);
    }
  }

  /** Adds to `found` the values of all patterns that the topic fits; returns how many branches it has looked at for that. */
  match(topic: readonly string[], found: Value[]): number {
    return collect(this.root, topic, 0, found);
  }
}

function collect<Value>(
  branch: Branch<Value>,
  topic: readonly string[],
  depth: number,
  found: Value[],
): number {
  if (depth === topic.length) {
    if (branch.value !== null) found.push(branch.value);
    return 1;
  }
  if (branch.open !== null) found.push(branch.open);
  let branches = 1;
  const same = branch.levels.get(topic[depth] as string);
  if (same !== undefined) branches += collect(same, topic, depth + 1, found);
  if (branch.any !== null) branches += collect(branch.any, topic, depth + 1, found);
  return branches;
}

function branchAt<Value>(branch: Branch<Value>, level: string): Branch<Value> {
  const known = below(branch, level);
  if (known !== null) return known;
  const made = createBranch<Value>();
  if (level === '*') branch.any = made;
  else branch.levels.set(level, made);
  return made;
}

function below<Value>(branch: Branch<Value>, level: string): Branch<Value> | null {
  return level === '*' ? branch.any : (branch.levels.get(level) ?? null);
}

function isBare({ levels, any, value, open }: Branch<unknown>): boolean {
  return levels.size === 0 && any === null && value === null && open === null;
}

function createBranch<Value>(): Branch<Value> {
  return { levels: new Map(), any: null, value: null, open: null };
}
