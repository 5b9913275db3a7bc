import { limits } from '../limits.js';

/** The name of a topic: levels with dots between them, such as `room.berlin.1`. Of a subscription it may be a pattern of names. */
export type Topic = string;

/** Levels of these characters, at most `topicLevelsMax`: as in names of tasks, but for the dot. */
const namePattern = /^[A-Za-z0-9_:/-]+(?:\.[A-Za-z0-9_:/-]+)*$/;
/** A level may be `*`: any one level, and at the end one or more. */
const topicPattern = /^(?:\*|[A-Za-z0-9_:/-]+)(?:\.(?:\*|[A-Za-z0-9_:/-]+))*$/;

/** Whether something may be published to it. */
export function isTopic(name: string): boolean {
  return isShort(name) && namePattern.test(name);
}

/** Whether it may be subscribed to: a topic, or a pattern of topics. */
export function isTopicOrPattern(name: string): boolean {
  return isShort(name) && topicPattern.test(name);
}

export function isPattern(name: string): boolean {
  return name.includes('*');
}

function isShort(name: string): boolean {
  if (name.length > limits.topicLengthMax) return false;
  let levels = 1;
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) levels++;
  return levels <= limits.topicLevelsMax;
}

export function levelsOf(name: Topic): string[] {
  return name.split('.');
}

/** Whether a topic fits a pattern, both in levels: in one pass, whatever the pattern. */
export function fitsPattern(topic: readonly string[], pattern: readonly string[]): boolean {
  const isOpen = pattern[pattern.length - 1] === '*';
  if (topic.length < pattern.length || (topic.length > pattern.length && !isOpen)) return false;
  for (let index = 0; index < pattern.length; index++) {
    const level = pattern[index];
    if (level !== '*' && level !== topic[index]) return false;
  }
  return true;
}
