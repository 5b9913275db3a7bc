import * as encoding from '../protocol/arguments.js';
import * as spelling from '../protocol/spell.js';
import { typedError } from './errors.js';

// What a program gives, checked before anything is sent. What won't do is a `BadInputError`.

export const encodeArguments = throwingTyped(encoding.encodeArguments);
export const spellOptions = throwingTyped(spelling.spellOptions);
export const idOf = throwingTyped(spelling.idOf);
export const nameOf = throwingTyped(spelling.nameOf);
export const topicsOf = throwingTyped(spelling.topicsOf);
export const cronOf = throwingTyped(spelling.cronOf);

function throwingTyped<Args extends unknown[], Result>(
  check: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => {
    try {
      return check(...args);
    } catch (error) {
      throw typedError(error);
    }
  };
}
