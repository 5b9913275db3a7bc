import type { LogEffect, NodeEffect } from './effects.js';
import type { LinkId, NodeId, RequestId } from './ids.js';
import type { PeerMessage } from './messages.js';
import type { Reply } from './reply.js';

/** Where the parts of a core put their effects; the node core hands them out at the end of a step. */
export class Outbox {
  /** Most steps have one or none: an array literal for one takes a third of what an empty one takes once it is pushed to. */
  private effects: NodeEffect[] | null = null;

  constructor(private readonly linkFor: (node: NodeId, message: PeerMessage) => LinkId | null) {}

  /** False, and nothing is sent, when there is no link to that node: what matters is sent again when there is one. */
  send(to: NodeId, message: PeerMessage): boolean {
    const link = this.linkFor(to, message);
    if (link === null) return false;
    this.push({ type: 'send', link, message });
    return true;
  }

  reply(request: RequestId, reply: Reply): void {
    this.push({ type: 'reply', request, reply });
  }

  log(level: LogEffect['level'], text: string, fields: LogEffect['fields'] = {}): void {
    this.push({ type: 'log', level, text, fields });
  }

  push(effect: NodeEffect): void {
    if (this.effects === null) this.effects = [effect];
    else this.effects.push(effect);
  }

  take(): readonly NodeEffect[] {
    const taken = this.effects ?? none;
    this.effects = null;
    return taken;
  }
}

const none: readonly NodeEffect[] = [];
