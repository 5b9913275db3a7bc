import type { ClientCommand } from '../core/commands.js';
import { namePattern } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { type Payload, payloadBytes } from '../core/payload.js';
import { errorReply, type Reply } from '../core/reply.js';
import { isTopic } from '../core/topics/topic.js';
import { readSpelled, type SpelledOptions } from './spell.js';
import { quoted } from './wording.js';

/** What a handler asks of the cluster by its context: to run a job and wait for it, to submit one, to publish. */
export interface HandlerRequest {
  readonly verb: 'call' | 'submit' | 'publish';
  /** Of a task, or of a topic. */
  readonly name: string;
  readonly payload: Payload;
  readonly options: SpelledOptions;
}

/** The command that it stands for, or what is wrong with it: it may come from anybody's code. */
export function commandOf({ verb, name, payload, options }: HandlerRequest): ClientCommand | Reply {
  if (payloadBytes(payload) > limits.bodyBytesMax)
    return errorReply('BODY_TOO_LARGE', `arguments are at most ${limits.bodyBytesMax} bytes`);
  if (verb === 'publish') {
    if (isTopic(name)) return { type: 'publish', topic: name, payload };
    return errorReply('BAD_REQUEST', `${quoted(name)} is not the name of a topic`);
  }
  if (!namePattern.test(name)) return errorReply('BAD_REQUEST', `${quoted(name)} is not the name of a task`);
  const draft = readSpelled(options, 'submit');
  if ('ok' in draft) return draft;
  return { type: 'submit', wait: verb === 'call', task: name, args: payload, options: draft.submit };
}
