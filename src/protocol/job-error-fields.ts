import type { JobError } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { FieldReader } from './peer-fields.js';

/** Name, message. Cut to what the receiver takes: a handler's long complaint must not cost the link. */
export function encodeError(error: JobError): [name: string, message: string] {
  return [
    error.name.slice(0, limits.errorNameLengthMax),
    error.message.slice(0, limits.errorMessageLengthMax),
  ];
}

export function readError(fields: FieldReader): JobError {
  return {
    name: fields.text(limits.errorNameLengthMax),
    message: fields.text(limits.errorMessageLengthMax),
  };
}
