import { getHeapStatistics } from 'node:v8';
import type { RunId } from '../core/ids.js';
import { NumberTable } from '../core/number-table.js';
import type { Payload } from '../core/payload.js';
import type { Reply } from '../core/reply.js';
import { builtinHandlers } from './builtin-tasks.js';
import { ChunkRoom } from './chunk-room.js';
import { ClusterCalls } from './cluster-calls.js';
import { cut, decodeArguments, describeError, encodeResult, isFinal } from './handler-result.js';
import { AttemptContext, ProgressBoard } from './task-context.js';
import { type Handler, importTask } from './task-module.js';
import type { Orders, Reports, TaskFile } from './thread-messages.js';

/** Runs handlers on the event loop that it lives on: that of a worker thread, or of the embedding program. */
export class HandlerHost implements Orders {
  private readonly node: string;
  private readonly reports: Reports;
  private readonly progressBoard: ProgressBoard;
  private readonly running = new NumberTable<AttemptContext>();
  /** Of attempts that stream. */
  private readonly rooms = new Map<RunId, ChunkRoom>();
  private readonly calls: ClusterCalls;
  /** Null-free maps by name, never objects: a task may be called `constructor`. */
  private readonly handlers: Map<string, Handler>;
  private readonly paths = new Map<string, string>();
  private readonly imports = new Map<string, Promise<Handler>>();

  /** `functions` are tasks that are there already, beside the built-in ones. */
  constructor(node: string, reports: Reports, functions: Iterable<readonly [string, Handler]> = []) {
    this.handlers = new Map([...builtinHandlers, ...functions]);
    this.node = node;
    this.reports = reports;
    this.progressBoard = new ProgressBoard(reports);
    this.calls = new ClusterCalls(reports);
  }

  /** Makes a file's task known; it is imported when an attempt first needs it. */
  offer(file: TaskFile): void {
    this.paths.set(file.name, file.path);
  }

  run(run: RunId, job: string, attempt: number, task: string, args: Payload): void {
    const { node, reports, progressBoard } = this;
    const { calls } = this;
    const context = new AttemptContext({ run, job, attempt, node, reports, progressBoard, calls });
    this.running.set(run, context);
    void this.execute(run, task, args, context);
  }

  abort(run: RunId): void {
    const context = this.running.get(run);
    if (context !== undefined) AttemptContext.abort(context);
    this.rooms.get(run)?.wake();
  }

  room(run: RunId, upTo: number): void {
    this.rooms.get(run)?.give(upTo);
  }

  answer(run: RunId, call: number, reply: Reply): void {
    this.calls.answer(run, call, reply);
  }

  ping(): void {
    this.reports.pong(getHeapStatistics().total_heap_size);
  }

  /** Ends in exactly one of `done`, `failed` and `aborted`, whatever the handler does; never rejects. */
  private async execute(run: RunId, task: string, args: Payload, context: AttemptContext): Promise<void> {
    try {
      const handler = this.handlers.get(task) ?? (await this.importHandler(task));
      // The stop may have come while the file was imported: work that nobody wants is not begun.
      if (AttemptContext.isAborted(context)) throw new Error('stopped before it began');
      const returned = await handler(decodeArguments(args), context);
      const result = encodeResult(
        isAsyncIterator(returned) ? await this.stream(run, returned, context) : returned,
      );
      this.leave(run, context);
      this.reports.done(run, result);
    } catch (thrown) {
      this.leave(run, context);
      this.reportFailure(run, thrown, AttemptContext.isAborted(context));
    }
  }

  private reportFailure(run: RunId, thrown: unknown, aborted: boolean): void {
    if (aborted) {
      this.reports.aborted(run);
      return;
    }
    const { name, message } = describeError(thrown);
    this.reports.failed(run, name, message, isFinal(thrown));
  }

  /** Runs a generator to its end; its return value is the result. One that is told to stop stops at its next `yield`. */
  private async stream(run: RunId, generator: Generated, context: AttemptContext): Promise<unknown> {
    const room = new ChunkRoom();
    this.rooms.set(run, room);
    for (;;) {
      const { done, value } = await generator.next();
      if (done === true) return value;
      const chunk = encodeResult(value, 'yield');
      this.reports.chunk(run, chunk);
      room.add(chunk);
      if (room.isUsedUp) await room.wait();
      if (AttemptContext.isAborted(context)) {
        await generator.return?.(undefined);
        throw new Error('stopped at a yield');
      }
    }
  }

  private leave(run: RunId, context: AttemptContext): void {
    this.running.delete(run);
    this.rooms.delete(run);
    AttemptContext.end(context);
  }

  private importHandler(task: string): Promise<Handler> {
    let pending = this.imports.get(task);
    if (pending === undefined) {
      pending = this.importFrom(task);
      this.imports.set(task, pending);
    }
    return pending;
  }

  private async importFrom(task: string): Promise<Handler> {
    const path = this.paths.get(task);
    if (path === undefined) throw new Error(`this node has no task ${task}`);
    try {
      const { handler } = await importTask(path);
      this.handlers.set(task, handler);
      return handler;
    } catch (error) {
      // The file was sound when the node started; a later attempt looks again.
      this.imports.delete(task);
      throw new Error(cut(`${path} can no longer be loaded: ${describeError(error).message}`));
    }
  }
}

type Generated = AsyncGenerator<unknown, unknown>;

function isAsyncIterator(value: unknown): value is Generated {
  return (
    typeof value === 'object' &&
    value !== null &&
    Symbol.asyncIterator in value &&
    typeof (value as { next?: unknown }).next === 'function'
  );
}
