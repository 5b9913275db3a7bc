import type { NodeEffect, NodeEvent } from '../../src/core/effects.js';
import type { Hello } from '../../src/core/hello.js';
import type { Instant } from '../../src/core/instant.js';
import { defaultJobsConfig } from '../../src/core/jobs/config.js';
import { limits } from '../../src/core/limits.js';
import { defaultLinksConfig } from '../../src/core/links/config.js';
import { defaultMembershipConfig } from '../../src/core/membership/config.js';
import { laneOf, type PeerMessage } from '../../src/core/messages.js';
import { NodeCore } from '../../src/core/node/node-core.js';
import { ByteBudget } from '../../src/protocol/byte-budget.js';
import { FrameDecoder } from '../../src/protocol/frame-decoder.js';
import { frameKinds } from '../../src/protocol/frame-kinds.js';
import { FrameOutbox } from '../../src/protocol/frame-outbox.js';
import { LineSession } from '../../src/protocol/line-session.js';
import { decodeFrame, encodeMessage, fieldsAfterKind } from '../../src/protocol/peer-codec.js';
import { benchJob } from './target.js';

/** What a job goes through from its line to its answer, in order. All but the sockets, and the threads that run handlers. */
export const pathSteps = [
  'front: read the line',
  'front: take the job, hand it out',
  'front: write its messages',
  'worker: read them',
  'worker: take the attempt, hold copies',
  'worker: end the attempt',
  'worker: write its messages',
  'front: read them',
  'front: settle the job',
  'front: write the answer',
] as const;

export type PathStep = (typeof pathSteps)[number];

/** Called around each step; it calls `run` once. */
export type AroundStep = (step: PathStep, run: () => void) => void;

const task = 'noop';
const link = 1;
/** Rounds of messages until all jobs are answered, or over: two, and two more with copies or for a SUBMIT. */
const roundsMax = 20;

/** One of the two nodes, and what it has to send. */
export class PathNode {
  readonly core: NodeCore;
  private readonly outbox = new FrameOutbox();
  private readonly decoder = new FrameDecoder(limits.frameBytesMax);
  private toSend: PeerMessage[] = [];
  runs: number[] = [];
  replies: Extract<NodeEffect, { type: 'reply' }>[] = [];

  constructor(
    letter: string,
    readonly name: string,
  ) {
    this.core = new NodeCore({
      id: letter.repeat(12),
      name,
      instance: letter.repeat(5),
      incarnation: 1,
      cluster: 'path',
      version: '0',
      address: `127.0.0.1:${7_000 + letter.charCodeAt(0)}`,
      client: `127.0.0.1:${8_000 + letter.charCodeAt(0)}`,
      tags: [],
      tasks: [{ name: task }],
      seeds: [],
      membership: defaultMembershipConfig,
      links: defaultLinksConfig,
      jobs: { ...defaultJobsConfig, concurrency: 256 },
      drainTimeoutMs: 1_000,
      seed: letter,
    });
  }

  hello(): Hello {
    const { id: node, instance, incarnation, name, address } = this.core.self();
    return { versionMin: 1, versionMax: 1, cluster: 'path', node, instance, incarnation, name, address };
  }

  step(event: NodeEvent, now: Instant): void {
    this.perform(this.core.step(event, now));
  }

  perform(effects: readonly NodeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.toSend.push(effect.message);
      else if (effect.type === 'start_attempt') this.runs.push(effect.run);
      else if (effect.type === 'reply') this.replies.push(effect);
    }
  }

  get hasToSend(): boolean {
    return this.toSend.length > 0;
  }

  /** As a link writes what one turn has brought. */
  write(): Buffer {
    for (const message of this.toSend) {
      const lane = laneOf(message.type);
      if (!this.outbox.addSmall(frameKinds[message.type], fieldsAfterKind(message), lane))
        this.outbox.add(encodeMessage(message), lane);
    }
    this.toSend = [];
    const { frames } = this.outbox.take(Number.POSITIVE_INFINITY);
    return frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
  }

  read(bytes: Buffer): PeerMessage[] {
    const messages: PeerMessage[] = [];
    this.decoder.feed(bytes, (frame, start, end) => {
      const decoded = decodeFrame(frame, start, end);
      if (decoded.type === 'message') messages.push(decoded.message);
      return true;
    });
    return messages;
  }

  takeAll(messages: readonly PeerMessage[], now: Instant): void {
    for (const message of messages) this.step({ type: 'message', link, message }, now);
  }

  flush(now: Instant): void {
    if (this.core.wantsFlush) this.step({ type: 'flush' }, now);
  }
}

/**
 * Two nodes in one process, whose jobs go from `front`'s line port to `worker` and back, by the very code that the daemon runs: what that costs can
 * so be told by step, without the noise of sockets and of a machine that does other things.
 */
export class JobPath {
  readonly front = new PathNode('a', 'front');
  readonly worker = new PathNode('b', 'worker');
  private readonly session: LineSession;
  private jobs = 0;
  private requests = 0;
  /** Bytes between the two nodes so far, both ways. */
  wireBytes = 0;

  /** A SUBMIT is answered long before all is done for its job, which would be left to the next round, and to none at last. */
  private readonly outlastsAnswer: boolean;

  /** `request`: what stands before the arguments of each line, as `RUN noop node=worker`. Where `{n}` stands, each has a number of its own. */
  constructor(private readonly request: string) {
    this.outlastsAnswer = request.startsWith('SUBMIT');
    this.session = new LineSession({
      limits: {
        lineBytesMax: 65_536,
        bodyBytesMax: 65_536,
        requestsInFlightMax: 10_000,
        outputBytesHigh: 2 ** 30,
      },
      tokenCheck: null,
      hello: '{}',
      nextSeq: () => ++this.requests,
      ended: () => {},
      answered: () => {},
      receiving: new ByteBudget(2 ** 28),
      refusedForRoom: () => {},
    });
    this.join();
  }

  /** Lines of jobs, as a client sends them in one piece. */
  lines(count: number): Buffer {
    let text = '';
    for (let index = 0; index < count; index++) {
      const n = ++this.jobs;
      text += `@${n} ${this.request.replace('{n}', String(n))} ${JSON.stringify(benchJob(n))}\n`;
    }
    return Buffer.from(text);
  }

  /** Has all jobs of the lines run and answered. */
  run(lines: Buffer, around: AroundStep): void {
    const { front, worker, session } = this;
    const commands: Extract<NodeEvent, { type: 'request' }>[] = [];
    around('front: read the line', () => {
      session.push(lines);
      for (let next = session.next(); next !== null; next = session.next())
        commands.push({ type: 'request', request: next.seq, command: next.command });
    });
    const now = instant();
    around('front: take the job, hand it out', () => {
      for (const command of commands) front.step(command, now);
      front.flush(now);
    });
    let answered = this.answer(around);
    for (let round = 0; answered < commands.length || (this.outlastsAnswer && this.isBusy); round++) {
      if (round > roundsMax)
        throw new Error(
          `${commands.length - answered} of ${commands.length} jobs are not answered, or not over`,
        );
      this.exchange(around);
      answered += this.answer(around);
      front.step({ type: 'tick', lateMs: 0 }, instant());
      worker.step({ type: 'tick', lateMs: 0 }, instant());
    }
  }

  private get isBusy(): boolean {
    const { front, worker } = this;
    return front.hasToSend || worker.hasToSend || worker.runs.length > 0;
  }

  private exchange(around: AroundStep): void {
    const { front, worker } = this;
    if (front.hasToSend) {
      const now = instant();
      let bytes: Buffer = Buffer.alloc(0);
      let messages: PeerMessage[] = [];
      around('front: write its messages', () => {
        bytes = front.write();
      });
      around('worker: read them', () => {
        messages = worker.read(bytes);
      });
      around('worker: take the attempt, hold copies', () => worker.takeAll(messages, now));
      this.wireBytes += bytes.length;
    }
    this.endAttempts(around);
    if (!worker.hasToSend) return;
    const now = instant();
    let bytes: Buffer = Buffer.alloc(0);
    let messages: PeerMessage[] = [];
    around('worker: write its messages', () => {
      bytes = worker.write();
    });
    around('front: read them', () => {
      messages = front.read(bytes);
    });
    around('front: settle the job', () => {
      front.takeAll(messages, now);
      front.flush(now);
    });
    this.wireBytes += bytes.length;
  }

  private endAttempts(around: AroundStep): void {
    const { worker } = this;
    const { runs } = worker;
    worker.runs = [];
    // As the thread gives them: texts of their own.
    const results = runs.map((run) => `{"ok":true,"n":${run}}`);
    const now = instant();
    around('worker: end the attempt', () => {
      for (const [index, run] of runs.entries()) {
        worker.step({ type: 'attempt_started', run }, now);
        const outcome = { type: 'done', result: results[index] as string } as const;
        worker.step({ type: 'attempt_ended', run, outcome }, now);
      }
      worker.flush(now);
    });
  }

  private answer(around: AroundStep): number {
    const { front, session } = this;
    const { replies } = front;
    if (replies.length === 0) return 0;
    front.replies = [];
    around('front: write the answer', () => {
      for (const { request, reply } of replies) {
        if (!reply.ok) throw new Error(`a job was answered ${reply.code} ${reply.message}`);
        session.reply(request, reply);
      }
      for (let piece = session.takeOutput(); piece !== null; piece = session.takeOutput())
        session.written(piece.bytes);
    });
    return replies.length;
  }

  /** Opens the link, and has both know each other. */
  private join(): void {
    const { front, worker } = this;
    front.perform(front.core.start(instant()));
    worker.perform(worker.core.start(instant()));
    front.step({ type: 'link_opened', link, dialled: null, hello: worker.hello() }, instant());
    worker.step({ type: 'link_opened', link, dialled: null, hello: front.hello() }, instant());
    for (let round = 0; round < roundsMax; round++) {
      if (front.hasToSend) worker.takeAll(worker.read(front.write()), instant());
      if (worker.hasToSend) front.takeAll(front.read(worker.write()), instant());
      for (const node of [front, worker]) node.step({ type: 'tick', lateMs: 0 }, instant());
    }
    if (front.core.countMembers().alive !== 2) throw new Error('the two nodes do not know each other');
  }
}

function instant(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}
