import type { Topics } from '../core/topics/topics.js';

/** Ways to spoil the topics of nodes, so that a checker can be seen to find each. */
export const topicSabotages = {
  /** What comes during a replay is delivered at once. */
  holdNothingBack: ({ replays }: Topics) => {
    replays.holdBack = () => false;
  },
  /** What others have kept is asked for before they know that live messages are wanted. */
  askTooSoon: ({ interest: { own } }: Topics) => {
    Object.defineProperty(own, 'isTold', { get: () => true });
  },
  /** Who subscribes to several patterns gets a message for each. */
  deliverTwice: ({ subscriptions }: Topics) => {
    const match = subscriptions.match.bind(subscriptions);
    subscriptions.match = (topic) => match(topic).flatMap((request) => [request, request]);
  },
  /** What is news of another node is not passed on. */
  passNothingOn: ({ interest }: Topics) => {
    const take = interest.take.bind(interest);
    interest.take = (from, record) => {
      if (from === record.node) take(from, record);
    };
  },
  /** Checksums of what nodes know are not compared. */
  compareNothing: ({ interest }: Topics) => {
    interest.takeDigest = () => {};
  },
} as const satisfies Readonly<Record<string, (topics: Topics) => void>>;

export type TopicSabotage = keyof typeof topicSabotages;
