import { Fifo } from '../fifo.js';
import type { NodeId } from '../ids.js';
import { limits } from '../limits.js';
import type { KeptSearch } from './kept-search.js';
import type { Topic } from './topic.js';
import type { KeptMessage, TopicMessage } from './topic-messages.js';

type Question = Extract<TopicMessage, { type: 'replay_wanted' }>;

interface Asked extends Question {
  readonly from: NodeId;
  /** Equal for questions with the same answer. */
  readonly key: string;
  /** Who asked has gone on without an answer. */
  readonly endsMs: number;
}

interface Search {
  readonly search: KeptSearch;
  /** The number of the last message that it counts. */
  readonly upTo: number;
  /** All of them are told what it finds. */
  readonly asked: Fifo<Asked>;
}

export interface Answer {
  readonly seq: number;
  /** The number of the last message that was published before it. */
  readonly last: number;
  readonly messages: readonly KeptMessage[];
}

export interface KeptAnswersOptions {
  /** The number of the last message that was published here. */
  readonly last: () => number;
  readonly search: (topics: readonly Topic[], count: number) => KeptSearch;
  readonly answer: (to: NodeId, answer: Answer) => void;
}

/**
 * Answers what nodes ask about messages that are kept, this one included: so many steps a tick, the nodes in turn, and equal questions
 * with one search. A client can have all that is kept looked through as often as it likes, and nothing else may have to wait for that.
 */
export class KeptAnswers {
  /** The node whose turn it is comes first. */
  private readonly waiting = new Map<NodeId, Fifo<Asked>>();
  private current: Search | null = null;

  constructor(private readonly options: KeptAnswersOptions) {}

  get isAny(): boolean {
    return this.current !== null || this.waiting.size > 0;
  }

  ask(from: NodeId, question: Question, nowMs: number): void {
    let questions = this.waiting.get(from);
    if (questions === undefined) {
      questions = new Fifo();
      this.waiting.set(from, questions);
    }
    // Over a new link it is asked again.
    questions.retain(({ seq }) => seq !== question.seq);
    // No node waits for more: the first one has been given up there.
    if (questions.length >= limits.replaysAtOnceMax) questions.shift();
    const key = `${question.count} ${question.topics.join(' ')}`;
    questions.push({ ...question, from, key, endsMs: nowMs + limits.topicAnswerMs });
  }

  tick(nowMs: number): void {
    let left = limits.replayStepsPerTickMax;
    while (left > 0) {
      this.current ??= this.begin(nowMs);
      if (this.current === null) return;
      const { search, asked, upTo } = this.current;
      left -= search.run(left);
      if (!search.isOver) return;
      const first = asked.shift();
      if (asked.length === 0) this.current = null;
      if (first === undefined || first.endsMs <= nowMs) continue;
      left -= 1 + search.found.length;
      this.options.answer(first.from, { seq: first.seq, last: upTo, messages: search.found });
    }
  }

  nextDeadlineMs(): number {
    return this.isAny ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  forget(node: NodeId): void {
    this.waiting.delete(node);
  }

  private begin(nowMs: number): Search | null {
    const first = this.next(nowMs);
    if (first === null) return null;
    const asked = new Fifo<Asked>();
    asked.push(first);
    for (const [node, questions] of this.waiting) {
      questions.retain((question) => {
        if (question.key !== first.key) return true;
        asked.push(question);
        return false;
      });
      if (questions.length === 0) this.waiting.delete(node);
    }
    return { search: this.options.search(first.topics, first.count), upTo: this.options.last(), asked };
  }

  /** The nodes in turn. */
  private next(nowMs: number): Asked | null {
    for (const [node, questions] of this.waiting) {
      this.waiting.delete(node);
      let first = questions.shift();
      while (first !== undefined && first.endsMs <= nowMs) first = questions.shift();
      if (questions.length > 0) this.waiting.set(node, questions);
      if (first !== undefined) return first;
    }
    return null;
  }
}
