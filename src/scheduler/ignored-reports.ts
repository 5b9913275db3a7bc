import type { RunId } from '../core/ids.js';
import type { Payload } from '../core/payload.js';
import type { HandlerRequest } from '../protocol/handler-request.js';
import type { AttemptLogEntry } from './scheduler.js';
import type { Reports, TaskOptions } from './thread-messages.js';

/** Hears every report and does nothing; a receiver overrides those that it is there for. */
export class IgnoredReports implements Reports {
  done(_run: RunId, _result: Payload): void {}
  chunk(_run: RunId, _chunk: Payload): void {}
  call(_run: RunId, _call: number, _request: HandlerRequest): void {}
  failed(_run: RunId, _name: string, _message: string, _final: boolean): void {}
  aborted(_run: RunId): void {}
  progress(_run: RunId, _value: string): void {}
  log(_run: RunId, _level: AttemptLogEntry['level'], _text: string): void {}
  pong(_heapBytes: number): void {}
  fault(_name: string, _message: string): void {}
  importing(_path: string): void {}
  learned(_path: string, _options: TaskOptions): void {}
  rejected(_path: string, _reason: string): void {}
  ready(): void {}
}
