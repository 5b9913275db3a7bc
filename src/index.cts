/**
 * The library for CommonJS: `const { Client } = require('rondo')`. The package is ESM, which not every Node 20 can require; so this loads it
 * beside, and stands in for it until then. What takes time anyway (`Client.connect`, `Node.start`) waits for that, and the classes of errors
 * are there for `instanceof`.
 */
import type * as library from './index.js' with { 'resolution-mode': 'import' };

type Library = typeof library;
type ErrorName = Extract<keyof Library, `${string}Error`>;

let loaded: Library | null = null;
const loading: Promise<Library> = import('./index.js').then((module) => {
  loaded = module;
  return module;
});
// Who calls something is told; who only requires it isn't to be ended by it.
loading.catch(() => {});

/** A class that has the instances of the real one, which are all made after that was loaded. */
function standIn<Name extends ErrorName>(name: Name): Library[Name] {
  const StandIn = class {
    constructor() {
      throw new TypeError(`${name} is for instanceof only where rondo was required; import() it to make one`);
    }

    static [Symbol.hasInstance](value: unknown): boolean {
      return loaded !== null && value instanceof loaded[name];
    }
  };
  Object.defineProperty(StandIn, 'name', { value: name });
  return StandIn as unknown as Library[Name];
}

const Client: Pick<Library['Client'], 'connect'> = {
  connect: async (options) => (await loading).Client.connect(options),
};
const Node: Pick<Library['Node'], 'start'> = {
  start: async (options) => (await loading).Node.start(options),
};
type Client<Tasks extends Record<keyof Tasks, library.TaskFunction> = library.UntypedTasks> =
  library.Client<Tasks>;
type Node<Tasks extends Record<keyof Tasks, library.TaskFunction>> = library.Node<Tasks>;

const BadInputError = standIn('BadInputError');
const BusyError = standIn('BusyError');
const InternalError = standIn('InternalError');
const JobCancelledError = standIn('JobCancelledError');
const JobFailedError = standIn('JobFailedError');
const NodeStartError = standIn('NodeStartError');
const NotFoundError = standIn('NotFoundError');
const NotTakenError = standIn('NotTakenError');
const RondoError = standIn('RondoError');
const SlowSubscriberError = standIn('SlowSubscriberError');
const StreamBrokenError = standIn('StreamBrokenError');
const TimeoutError = standIn('TimeoutError');
const UnauthorizedError = standIn('UnauthorizedError');
const UnavailableError = standIn('UnavailableError');
const UnsupportedError = standIn('UnsupportedError');
const WrongStateError = standIn('WrongStateError');

export type * from './index.js' with { 'resolution-mode': 'import' };
export {
  BadInputError,
  BusyError,
  Client,
  InternalError,
  JobCancelledError,
  JobFailedError,
  Node,
  NodeStartError,
  NotFoundError,
  NotTakenError,
  RondoError,
  SlowSubscriberError,
  StreamBrokenError,
  TimeoutError,
  UnauthorizedError,
  UnavailableError,
  UnsupportedError,
  WrongStateError,
};
