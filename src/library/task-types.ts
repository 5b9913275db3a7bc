/** A function as a task map names it. Its first parameter is what a job is submitted with, what it resolves to is the result. */
export type TaskFunction = (...parameters: never[]) => unknown;

/** Any task, its arguments and its result unknown: what a client knows that was given no task map. */
export interface UntypedTasks {
  /** Arguments are sent as JSON, or as they are where they are bytes. */
  [task: string]: (args?: unknown) => unknown;
}

/** The names of the tasks of a map. */
export type TaskName<Tasks> = keyof Tasks & string;

/** What a job of this task is submitted with. */
export type TaskArguments<Task> = Task extends (...parameters: infer Parameters) => unknown
  ? Parameters extends []
    ? undefined
    : Parameters[0]
  : never;

/** What a job of this task results in; null for a task that returns nothing. Of a generator it is the return value. */
export type TaskResult<Task> = Task extends (...parameters: never[]) => infer Returned
  ? Returned extends AsyncGenerator<unknown, infer Last, never>
    ? ResultValue<Last>
    : ResultValue<Awaited<Returned>>
  : never;

/** What a job of this task yields: of an async generator each value, of any other function none. */
export type TaskYield<Task> = Task extends (...parameters: never[]) => infer Returned
  ? unknown extends Returned
    ? unknown
    : Returned extends AsyncIterable<infer Each>
      ? ResultValue<Each>
      : never
  : never;

/** What is left of a value on its way: nothing comes as null, bytes come as a Buffer. */
export type ResultValue<Value> = [Value] extends [ReturnType<() => void>]
  ? null
  : Value extends Uint8Array
    ? Buffer
    : Value;

/** Arguments and options of a call; a task that takes no arguments, or may do without, needs none. */
export type CallParameters<Task, Options> =
  undefined extends TaskArguments<Task>
    ? [args?: TaskArguments<Task> | null, options?: Options]
    : [args: TaskArguments<Task>, options?: Options];
