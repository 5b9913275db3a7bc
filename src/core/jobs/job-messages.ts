import { assertNever } from '../assert.js';
import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobMessage } from '../messages.js';
import type { Asked } from './asked.js';
import type { Asks } from './asks.js';
import type { Dispatcher } from './dispatcher.js';
import type { EndAcks } from './end-acks.js';
import type { Executor } from './executor.js';
import type { Keeping } from './keeping.js';
import type { Owner } from './owner.js';
import type { Streaming } from './streaming.js';

/** The parts of a job core that messages are for. */
export interface MessageReceivers {
  readonly self: NodeId;
  readonly owner: Owner;
  readonly executor: Executor;
  readonly dispatcher: Dispatcher;
  readonly keeping: Keeping;
  readonly asks: Asks;
  readonly asked: Asked;
  readonly acks: EndAcks;
  readonly streaming: Streaming;
  readonly ask: (from: NodeId, message: Extract<JobMessage, { type: 'ask' }>, now: Instant) => void;
}

/** Hands a message of another node, or of this one's other half, to the part that it is for. */
export function receive(to: MessageReceivers, from: NodeId, message: JobMessage, now: Instant): void {
  switch (message.type) {
    case 'run':
      return to.executor.handleRun(from, message, now);
    case 'ran':
      if (from !== to.self) to.acks.note(from, message, now);
      return to.owner.ends.handleRan(from, message.key, message.outcome, now);
    case 'ran_ack':
      return to.executor.handleRanAck(from, message.seq);
    case 'refuse':
      return to.owner.ends.handleRefuse(from, message.key, now);
    case 'stop':
      return to.executor.handleStop(from, message.key, message.reason);
    case 'holding':
      // What its next ends are numbered from may have changed.
      to.acks.delete(from);
      return to.owner.ends.handleHolding(from, message, now);
    case 'resync':
      return to.executor.handleResync(from, message.seq);
    case 'resync_wanted':
      to.dispatcher.resync(from);
      to.keeping.replicator.contactOpened(from);
      return to.asks.askingWanted(from, now);
    case 'grant':
      return to.dispatcher.granted(from, message.window, now);
    case 'started':
      return to.owner.ends.handleStarted(from, message.key);
    case 'progress':
      return to.owner.ends.handleProgress(from, message.key, message.value);
    case 'stream_chunk':
      return to.owner.ends.handleChunk(from, message);
    case 'stream_room':
      return to.executor.handleRoom(from, message);
    case 'item':
      return to.asks.handleItem(from, message, now);
    case 'items_taken':
      to.streaming.items.taken({ type: 'peer', node: from, seq: message.seq }, message.number);
      return to.streaming.wanted({ type: 'peer', node: from, seq: message.seq }, message.upTo);
    case 'ask':
      return to.ask(from, message, now);
    case 'answer':
      return to.asks.handleAnswer(from, message, now);
    case 'ask_abandoned':
      return to.asked.handleAbandoned(from, message.seq);
    case 'asks_taken':
      return to.asks.handleTaken(from, message.seqs);
    case 'answers_taken':
      return to.asked.handleAnswersTaken(from, message.seqs);
    case 'asking':
      to.streaming.items.sendAgain(from, message.seqs);
      return to.asked.handleAsking(from, message);
    case 'asks_unknown':
      return to.asks.handleUnknown(from, message, now);
    case 'keep':
      return to.keeping.custody.handleKeep(from, message, now);
    case 'kept':
      return to.keeping.replicator.handleKept(from, message);
    default:
      assertNever(message);
  }
}
