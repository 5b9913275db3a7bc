import { type Deadline, Deadlines } from '../deadlines.js';
import type { NodeId } from '../ids.js';
import type { Suspicion } from './suspicion.js';

interface Entry {
  readonly suspicion: Suspicion;
  deadline: Deadline<NodeId>;
}

/** All suspicions that this node has, the next to end first: there may be thousands at once when a cluster falls apart. */
export class Suspicions {
  readonly #entries = new Map<NodeId, Entry>();
  readonly #deadlines = new Deadlines<NodeId>();

  get size(): number {
    return this.#entries.size;
  }

  get nextDeadlineMs(): number {
    return this.#deadlines.nextMs();
  }

  get(node: NodeId): Suspicion | undefined {
    return this.#entries.get(node)?.suspicion;
  }

  begin(node: NodeId, suspicion: Suspicion): void {
    this.end(node);
    this.#entries.set(node, { suspicion, deadline: this.#deadlines.add(suspicion.deadlineMs, node) });
  }

  /** Changes one, which may move its end. */
  change<Result>(node: NodeId, act: (suspicion: Suspicion) => Result): Result | undefined {
    const entry = this.#entries.get(node);
    if (entry === undefined) return undefined;
    const result = act(entry.suspicion);
    const { deadlineMs } = entry.suspicion;
    if (deadlineMs !== entry.deadline.atMs) {
      this.#deadlines.cancel(entry.deadline);
      entry.deadline = this.#deadlines.add(deadlineMs, node);
    }
    return result;
  }

  changeAll(act: (suspicion: Suspicion) => void): void {
    for (const node of this.#entries.keys()) this.change(node, act);
  }

  end(node: NodeId): void {
    const entry = this.#entries.get(node);
    if (entry === undefined) return;
    this.#deadlines.cancel(entry.deadline);
    this.#entries.delete(node);
  }

  /** One whose time is up, or undefined; it is over. */
  takeDue(nowMs: number): NodeId | undefined {
    const node = this.#deadlines.takeDue(nowMs);
    if (node !== undefined) this.#entries.delete(node);
    return node;
  }
}
