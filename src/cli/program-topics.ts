import { Argument, type Command, InvalidArgumentError } from 'commander';
import { limits } from '../core/limits.js';
import { isTopic, isTopicOrPattern } from '../core/topics/topic.js';
import { type ClientFlags, withClientOptions } from './client-options.js';
import { withExamples } from './examples.js';
import { type PayloadFlags, withBinaryOption } from './payload-argument.js';
import { wholeNumber } from './submit-options.js';

const topicRule = `A topic is levels of A-Z a-z 0-9 _ : / - with dots between them, ${limits.topicLengthMax} characters at most.`;

const subscribeNotes = `
A line for each message: its topic, a blank, and what was published as JSON, or as it is where that is bytes. With --json it is
{"topic","data"}, or {"topic","base64"}. A message comes at most once; when the node is lost, messages may be missed until the next one
has answered, which standard error tells. Ctrl-C ends it with 0; so does a reader that goes away, as \`| head -1\` does, once the next message comes.`;

/** Commands that publish and subscribe. */
export function addTopicCommands(program: Command): void {
  const publish = program
    .command('publish')
    .description('Publish to a topic, and print the number of subscribers that it was sent to.')
    .addArgument(new Argument('<topic>', 'for example room.1').argParser(topic))
    .argument('[json]', 'what to publish: JSON, @FILE, or - for standard input (default: null)')
    .action(async (name: string, json: string | undefined, flags: ClientFlags & PayloadFlags) =>
      (await import('./commands/topics.js')).publish(name, json, flags),
    );
  withExamples(
    withClientOptions(withBinaryOption(publish)),
    ['rondo publish room.1 \'{"text":"hello"}\'', 'prints how many have got it'],
    ['rondo publish build.done @report.json', 'what to publish from a file'],
    ['rondo publish camera.1 @frame.jpg --binary', 'the bytes of one'],
  );
  const subscribe = program
    .command('subscribe')
    .description('Print what is published to topics, until Ctrl-C.')
    .addArgument(
      new Argument('<topic...>', "topics, or patterns: '*' is any level, at the end one or more").argParser(
        pattern,
      ),
    )
    .option(
      '--replay <n>',
      `first the last so many messages of each topic, as far as they are kept; at most ${limits.replayMax}`,
      wholeNumber(0, limits.replayMax),
    )
    .option('--json', 'print {"topic","data"}')
    .action(async (names: string[], flags: ClientFlags & { replay?: string; json?: boolean }) =>
      (await import('./commands/topics.js')).subscribe(names, flags),
    );
  withExamples(
    withClientOptions(subscribe).addHelpText('after', subscribeNotes),
    ["rondo subscribe room.1 'build.*'", 'a topic, and all below another'],
    ['rondo subscribe room.1 --replay 10 --json | jq .data', 'with what was said last'],
  );
}

function topic(name: string): string {
  if (isTopic(name)) return name;
  throw new InvalidArgumentError(
    isTopicOrPattern(name) ? 'A message goes to one topic: patterns are for subscribe.' : topicRule,
  );
}

function pattern(name: string, earlier: readonly string[] = []): string[] {
  if (isTopicOrPattern(name)) return [...earlier, name];
  throw new InvalidArgumentError(`${topicRule} A level may be *.`);
}
