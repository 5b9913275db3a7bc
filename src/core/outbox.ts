import type { LogEffect, NodeEffect } from './effects.js';
import type { LinkId, NodeId, RequestId } from './ids.js';
import type { PeerMessage } from './messages.js';
import type { Reply } from './reply.js';

/** Where the parts of a core put their effects; the node core hands them out at the end of a step. */
export class Outbox {
  private effects: NodeEffect[] = [];

  constructor(private readonly linkFor: (node: NodeId, message: PeerMessage) => LinkId | null) {}

  /** False, and nothing is sent, when there is no link to that node: what matters is sent again when there is one. */
  send(to: NodeId, message: PeerMessage): boolean {
    const link = this.linkFor(to, message);
    if (link === null) return false;
    this.effects.push({ type: 'send', link, message });
    return true;
  }

  reply(request: RequestId, reply: Reply): void {
    this.effects.push({ type: 'reply', request, reply });
  }

  log(level: LogEffect['level'], text: string, fields: LogEffect['fields'] = {}): void {
    this.effects.push({ type: 'log', level, text, fields });
  }

  push(effect: NodeEffect): void {
    this.effects.push(effect);
  }

  take(): readonly NodeEffect[] {
    if (this.effects.length === 0) return none;
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
}

const none: readonly NodeEffect[] = [];
