import t from 'tap';
import { createRandom } from '../../src/core/random.js';
import { AnswerQueue, saidOf } from '../../src/protocol/answer-queue.js';
import { MessageBytes } from '../../src/protocol/message-bytes.js';

t.test('messages count until they are written, and nothing that stands between them', async (t) => {
  const random = createRandom('message bytes');
  const messages = new MessageBytes();
  /** Whether each byte of the output is one of a message. */
  const output: boolean[] = [];
  let position = 0;
  for (let step = 0; step < 5_000; step++) {
    const bytes = random.below(10);
    const isMessage = random.below(3) > 0;
    for (let byte = 0; byte < bytes; byte++) output.push(isMessage);
    if (isMessage) messages.put(bytes, output.length);
    if (random.below(2) === 0) position += random.below(output.length - position + 1);
    messages.written(position);
    const expected = output.slice(position).filter((byte) => byte).length;
    if (messages.count !== expected) t.fail(`${messages.count} and not ${expected} after ${step} steps`);
  }
  messages.written(output.length);
  t.equal(messages.count, 0);
});

t.test('messages of a subscription whose turn has not come count as well', async (t) => {
  const answers = new AnswerQueue();
  const first = answers.enter(null, 1);
  const second = answers.enter(null, 2);
  const said = saidOf('* message {"topic":"a","data":1}\n');
  answers.add(second, saidOf('* subscribed {"topics":["a"]}\n'));
  t.equal(answers.addMessage(second, said), said.bytes);
  t.equal(answers.addMessage(second, said), 2 * said.bytes);
  answers.settle(first, 'OK 1\n');
  t.equal(answers.addMessage(second, said), 3 * said.bytes);
  answers.written(answers.position - said.bytes);
  t.equal(answers.addMessage(second, said), 2 * said.bytes);
  answers.written(answers.position);
  const tagged = answers.enter('s', 3);
  t.equal(answers.addMessage(tagged, said), said.bytes + '@s '.length);
});
