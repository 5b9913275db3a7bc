import { fitsPattern, isPattern, levelsOf, type Topic } from '../../../src/core/topics/topic.js';
import type { SimCluster, SimRequest } from '../../../src/sim/sim-cluster.js';

/** What a message of these tests says: which it is of all, in the order in which they were handed in. */
export interface Published {
  readonly request: SimRequest;
  readonly topic: Topic;
  readonly number: number;
  /** Everybody who subscribes then is to get it. */
  readonly isForAll: boolean;
}

/** What the clients of a cluster have published and were told; says what is wrong with it. */
export class TopicChecks {
  readonly published: Published[] = [];
  readonly subscriptions: SimRequest[] = [];

  constructor(private readonly cluster: SimCluster) {}

  subscribe(node: string, topics: readonly Topic[], replay = 0): SimRequest {
    const request = this.cluster.request(node, { type: 'subscribe', topics, replay });
    this.subscriptions.push(request);
    return request;
  }

  publish(node: string, topic: Topic, isForAll = false): Published {
    const number = this.published.length;
    // Kept before it is handed in: the node delivers to its own clients at once.
    const entry: Published = {
      request: this.cluster.request(node, { type: 'publish', topic, payload: String(number) }),
      topic,
      number,
      isForAll,
    };
    this.published.push(entry);
    return entry;
  }

  /** Subscriptions whose client and node are there. */
  live(): SimRequest[] {
    return this.subscriptions.filter(
      ({ isAbandoned, reply, askedOf }) => !isAbandoned && reply === null && askedOf.status === 'running',
    );
  }

  numbersOf({ items }: SimRequest): number[] {
    return items.flatMap((item) => (item.type === 'message' ? [Number(item.message.payload)] : []));
  }

  /** At most once, in order, and nothing else. */
  faults(): string[] {
    return this.subscriptions.flatMap((subscription) => this.faultsOf(subscription));
  }

  /** Of those that everybody is to get, what somebody who subscribes has not got. */
  missing(subscriptions: readonly SimRequest[]): string[] {
    return subscriptions.flatMap((subscription) => {
      const got = new Set(this.numbersOf(subscription));
      return this.published
        .filter(({ isForAll, topic }) => isForAll && wants(subscription, topic))
        .filter(({ number }) => !got.has(number))
        .map(({ number, topic }) => `subscription ${subscription.number} has not got ${number} of ${topic}`);
    });
  }

  /** Whom nodes don't know, or know as it was before. */
  unknownInterest(): string[] {
    const running = this.cluster.running();
    return running.flatMap((seer) =>
      running.flatMap((seen) => {
        const { record, isTold } = seen.core.topics.interest.own;
        if (!isTold) return [`${seen.name} has something to tell`];
        if (seen === seer || record.version === 0) return [];
        const known = seer.core.topics.interest.others.get(record.node);
        const isRight = known?.version === record.version && known.instance === record.instance;
        return isRight
          ? []
          : [
              `${seer.name} knows ${known?.version ?? 'nothing'} of ${seen.name}, which is at ${record.version}`,
            ];
      }),
    );
  }

  private faultsOf(subscription: SimRequest): string[] {
    const faults: string[] = [];
    const who = `subscription ${subscription.number} at ${subscription.node}`;
    const got = new Set<number>();
    const lastOf = new Map<unknown, number>();
    for (const item of subscription.items) {
      if (item.type !== 'message') continue;
      const number = Number(item.message.payload);
      const publisher = this.published[number]?.request.askedOf;
      if (got.has(number)) faults.push(`${who} got ${number} twice`);
      got.add(number);
      if (number < (lastOf.get(publisher) ?? -1)) faults.push(`${who} got ${number} after a later one`);
      lastOf.set(publisher, number);
      if (!wants(subscription, item.message.topic)) faults.push(`${who} got ${item.message.topic}`);
    }
    return faults;
  }
}

function wants({ command }: SimRequest, topic: Topic): boolean {
  if (command.type !== 'subscribe') return false;
  const levels = levelsOf(topic);
  return command.topics.some((name) =>
    isPattern(name) ? fitsPattern(levels, levelsOf(name)) : name === topic,
  );
}

/** How many of these a topic has. */
export function countWanting(subscriptions: readonly SimRequest[], topic: Topic): number {
  return subscriptions.filter((subscription) => wants(subscription, topic)).length;
}
