import { type SubscriptionItem, subscribeTo } from '../../client/subscription.js';
import { valueField } from '../../library/outcome.js';
import { type ClientFlags, withClient } from '../client-options.js';
import { printable, refusal, textOf } from '../failure.js';
import { writeOut } from '../job-output.js';
import { type PayloadFlags, readPayload } from '../payload-argument.js';
import { shownBytes } from '../terminal.js';

interface SubscribeFlags extends ClientFlags {
  readonly replay?: string;
  readonly json?: boolean;
}

/** `rondo publish`: prints how many subscribers it was sent to. */
export async function publish(
  topic: string,
  argument: string | undefined,
  flags: ClientFlags & PayloadFlags,
): Promise<void> {
  const payload = await readPayload(argument, flags);
  const request = { verb: 'PUBLISH', operands: [topic], payload };
  const count = await withClient(flags, async (client) => textOf(await client.request(request)));
  process.stdout.write(`${count}\n`);
}

/** `rondo subscribe`: a line for each message, until Ctrl-C. */
export async function subscribe(topics: readonly string[], flags: SubscribeFlags): Promise<void> {
  const interrupted = new AbortController();
  const onInterrupt = (): void => interrupted.abort();
  process.once('SIGINT', onInterrupt);
  const options = flags.replay === undefined ? [] : [['replay', flags.replay] as const];
  const request = { verb: 'SUBSCRIBE', operands: topics, options, signal: interrupted.signal };
  try {
    await withClient(flags, async (client) => {
      const items = subscribeTo(client, request);
      for (;;) {
        const step = await items.next();
        if (step.done === true) {
          if (!step.value.ok) throw refusal(step.value);
          return;
        }
        await print(step.value, flags.json === true);
      }
    });
  } catch (error) {
    // What it was told to do it has done.
    if (!interrupted.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

async function print(item: SubscriptionItem, json: boolean): Promise<void> {
  if (item.type === 'gap') process.stderr.write('rondo: messages may have been missed meanwhile\n');
  if (item.type !== 'message') return;
  const { topic, data } = item;
  const value = Buffer.isBuffer(data) ? data : JSON.stringify(data);
  if (json) await writeOut(`{"topic":"${topic}",${valueField('data', value)}}\n`);
  else if (typeof value === 'string')
    await writeOut(`${topic} ${process.stdout.isTTY ? printable(value) : value}\n`);
  else
    await writeOut(
      Buffer.concat([
        Buffer.from(`${topic} `),
        Buffer.from(process.stdout.isTTY ? shownBytes(value) : value),
        Buffer.from('\n'),
      ]),
    );
}
