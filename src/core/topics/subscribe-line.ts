import type { TopicCommand } from '../commands.js';
import type { RequestId } from '../ids.js';

export type SubscribeCommand = Extract<TopicCommand, { type: 'subscribe' }>;

/** Subscriptions that wait for the replays of others to end, the first first. */
export class SubscribeLine {
  private readonly commands = new Map<RequestId, SubscribeCommand>();
  private names = 0;

  get isEmpty(): boolean {
    return this.commands.size === 0;
  }

  /** Of all that wait. */
  get nameCount(): number {
    return this.names;
  }

  add(request: RequestId, command: SubscribeCommand): void {
    this.commands.set(request, command);
    this.names += command.topics.length;
  }

  /** False when it does not wait. */
  remove(request: RequestId): boolean {
    const command = this.commands.get(request);
    if (command === undefined) return false;
    this.commands.delete(request);
    this.names -= command.topics.length;
    return true;
  }

  requests(): IterableIterator<RequestId> {
    return this.commands.keys();
  }

  /** Takes from the front, until the caller stops. */
  *take(): Iterable<[RequestId, SubscribeCommand]> {
    for (const entry of this.commands) {
      this.remove(entry[0]);
      yield entry;
    }
  }
}
