import { Argument, type Command, Option } from 'commander';
import { jobStates } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import { type ClientFlags, withClientOptions } from './client-options.js';
import type { MapFlags } from './commands/map.js';
import { withExamples } from './examples.js';
import { type PayloadFlags, withBinaryOption } from './payload-argument.js';
import {
  duration,
  name,
  type SubmitFlags,
  wholeNumber,
  withAfterOption,
  withKeyOption,
  withRunOptions,
  withSubmitOptions,
  zone,
} from './submit-options.js';

type PayloadCommandFlags = JobFlags & SubmitFlags & PayloadFlags;

type JobFlags = ClientFlags & { readonly json?: boolean };

/** Commands that submit jobs and look after them. */
export function addJobCommands(program: Command): void {
  addSubmit(program);
  addRun(program);
  addMap(program);
  addJob(program);
  addSchedules(program);
  withExamples(
    withClientOptions(
      program
        .command('jobs')
        .description('List jobs, newest first.')
        .addOption(new Option('--state <state>', 'only those in this state').choices(jobStates))
        .option('--task <task>', 'only those of this task', name)
        .option(
          '--limit <n>',
          `at most so many (default: ${limits.jobsListedDefault}, at most ${limits.jobsListedMax})`,
          wholeNumber(1, limits.jobsListedMax),
        )
        .option('--json', 'print JSON')
        .action(async (flags: JobFlags & { state?: string; task?: string; limit?: string }) =>
          (await import('./commands/lists.js')).jobs(flags),
        ),
    ),
    ['rondo jobs --state failed', 'the dead letters'],
    ["rondo jobs --state failed --json | jq -r '.[].id' | xargs -n1 rondo retry", 'run them all again'],
  );
}

function addSubmit(program: Command): void {
  const command = program
    .command('submit')
    .description('Submit a job and print its id, without waiting for its outcome.')
    .addArgument(taskArgument())
    .addArgument(jsonArgument())
    .option('--json', 'print {"id","copies","durable"}')
    .action(async (task: string, json: string | undefined, flags: PayloadCommandFlags) =>
      (await import('./commands/submit.js')).submit(task, json, flags),
    );
  withExamples(
    withClientOptions(withAfterOption(withKeyOption(withSubmitOptions(withBinaryOption(command))))),
    ['rondo submit fetch \'{"url":"http://localhost:8080/"}\'', 'prints the id'],
    ['rondo submit sleep 1000 --delay 5m --retries 3 --key nightly', 'once, in five minutes'],
    ['rondo submit report @report.json --on zone=eu', 'arguments from a file, on a node with that tag'],
    ['rondo submit thumbnail @photo.jpg --binary', 'bytes from a file, which the task gets as a Buffer'],
    ['rondo submit publish --after $FIRST,$SECOND', 'once the jobs with these ids are done'],
  );
}

const runNotes = `
Each value that the task yields is a line of JSON; bytes are written as they are, and so is a result of bytes. A result of null after that
is not printed. On a terminal, standard error shows where the job is. A reader that is slow slows the job down; when it goes away, the
command ends with 141 as soon as there is something more to print. Exit code 1 also when values are missing, or a further attempt has yielded anew after some were printed.`;

function addRun(program: Command): void {
  const command = program
    .command('run')
    .description(
      'Submit a job, and print what it yields as it comes, then its result. Ctrl-C leaves it running and says how to stop it.',
    )
    .addArgument(taskArgument())
    .addArgument(jsonArgument())
    .option(
      '--json',
      'print {"id","ok","result"} or {"id","ok","error"}, and what is yielded as {"type","value"}',
    )
    .option('--cancel-on-interrupt', 'Ctrl-C cancels the job, and so does a reader that goes away')
    .action(async (task: string, json: string | undefined, flags: PayloadCommandFlags) =>
      (await import('./commands/run.js')).run(task, json, flags),
    );
  withExamples(
    withClientOptions(
      withAfterOption(withKeyOption(withSubmitOptions(withBinaryOption(command)))),
    ).addHelpText('after', runNotes),
    ['rondo run echo \'"hello"\'', 'prints "hello"'],
    ['echo \'{"n":1}\' | rondo run echo -', 'arguments from standard input'],
    ['gzip -c notes.txt | rondo run echo - --binary > notes.txt.gz', 'bytes from there, and back'],
    ['rondo run sleep 60000 --timeout 5s --retries 0', 'fails after five seconds, exit code 1'],
  );
}

const mapNotes = `
Each line of input is the job's argument, as a JSON string; with --json-input each line is a JSON value, and one that is none, a
blank one too, fails. There is a line of output for every line of input, as JSON:
  {"index","ok":true,"result"}
  {"index","ok":false,"id","error":{"name","message","attempts"}}
    index     the line of input, counted from 0
    base64    in the place of the result, where that is raw bytes; with --results-only it is a JSON string
    input     the line itself, after the index; only with --with-input
    id        the job's; only when a job failed. What its task logged has it too, but \`rondo status\` and \`rondo retry\` find it
              only with a --ttl: without one (--ttl 0s), nodes keep no outcome that is printed here
    name      that of the error that the task threw, or a code: JOB_CANCELLED, BAD_JSON, BODY_TOO_LARGE, BUSY, ...
    attempts  how often the job ran; only when a job failed, not when a line was refused or a job cancelled
With --results-only it is the result alone, null for a line that failed.
If the node is lost, unfinished lines are submitted again at the next address of --node: a line may run twice, none is lost. Where
several addresses are listed, each line has a key of its own: what is still in line or runs is found by it, and not run twice.`;

function addMap(program: Command): void {
  const command = program
    .command('map')
    .description('Run a job for every line of input; results as NDJSON, in the order of the input.')
    .addArgument(taskArgument())
    .argument('[file]', 'the input; - or nothing is standard input')
    .option('--json-input', 'each line of input is a JSON value, not a text')
    .option('--unordered', 'print each result as soon as it is there')
    .option('--results-only', 'print results alone')
    .option('--with-input', 'add "input" to each line of output')
    .option('--window <n>', 'jobs in flight at once (default: 1000)', wholeNumber(1, 9_000))
    .addOption(new Option('--concurrency <n>', 'the same as --window').argParser(wholeNumber(1, 9_000)))
    .option('--joblog <file>', 'note each finished line there, as NDJSON')
    .option('--resume', 'leave out the lines that the joblog says are done; the others run')
    .option('--resume-failed', 'run only the lines that the joblog says have failed')
    .option(
      '--no-keys',
      'give the lines no keys where --node lists several nodes: cheaper, but all in flight run twice if a node is lost',
    )
    .option('--quiet', 'no progress, no summary')
    .action(async (task: string, file: string | undefined, flags: MapFlags) =>
      (await import('./commands/map.js')).map(task, file, flags),
    );
  withExamples(
    withClientOptions(withSubmitOptions(command)).addHelpText('after', mapNotes),
    [
      'find . -type f | rondo map sha256 > sums.ndjson',
      'a job for each file, where a node has --tasks examples/tasks',
    ],
    ['rondo map fetch urls.txt --joblog urls.log --retries 2', 'with a log ...'],
    ['rondo map fetch urls.txt --joblog urls.log --resume', '... to go on from'],
    ['seq 3 | rondo map echo --json-input --results-only', 'prints 1, 2 and 3'],
  );
}

const watchNotes = `
Standard output has what the job yields, as \`rondo run\` prints it, and then its result; standard error where the job is, and its progress. What
was yielded before is printed as far as it is kept. That nobody reads the output any more, as after \`| head -1\`, is noticed with the next that
is to be printed. With --json there is a line of JSON for each thing that happens:
  {"type":"state","id","state","attempt","owner","executor"}
  {"type":"progress","value"}
  {"type":"data","value","attempt"}       "base64" in the place of "value" where it is bytes
  {"type":"missed","count","attempt"}     so many values are not kept any more; null: perhaps some
  {"type":"outcome","id","ok","result"}   or "error"`;

function addJob(program: Command): void {
  const about = (verb: string, description: string): Command =>
    withClientOptions(program.command(verb).description(description).argument('<id>', 'the id of the job'));
  withExamples(
    about('status', 'Show what is known of a job.')
      .option('--json', 'print JSON')
      .action(async (id: string, flags: JobFlags) => (await import('./commands/job.js')).status(id, flags)),
    ['rondo status $ID --json | jq -r .state', 'one of delayed, queued, running, done, failed, cancelled'],
  );
  withExamples(
    about('wait', 'Wait for a job to end, and print its result.')
      .option('--json', 'print {"id","ok","result"} or {"id","ok","error"}')
      .option('--timeout <duration>', 'give up waiting after this; the job goes on', duration)
      .action(async (id: string, flags: JobFlags) => (await import('./commands/job.js')).wait(id, flags)),
    ['ID=$(rondo submit sleep 2000); rondo wait $ID --timeout 1m', 'exit code 0 once it is done'],
  );
  withExamples(
    about(
      'watch',
      'Follow a job: print what it yields as it comes, then its result. Ctrl-C leaves it running.',
    )
      .option('--json', 'print all that happens to it, a line of JSON each')
      .addHelpText('after', watchNotes)
      .action(async (id: string, flags: JobFlags) => (await import('./commands/watch.js')).watch(id, flags)),
    ['rondo watch $ID', 'of a job that anybody has submitted'],
    ['rondo watch $ID --json | jq -c \'select(.type == "progress").value\'', 'its progress alone'],
  );
  withExamples(
    about('cancel', 'Cancel a job, also one that runs; returns once it has stopped.').action(
      async (id: string, flags: JobFlags) => (await import('./commands/job.js')).cancel(id, flags),
    ),
    ['rondo cancel $ID', 'takes the id that `rondo submit` printed'],
  );
  withExamples(
    about('retry', 'Run a job again that failed or was cancelled.').action(
      async (id: string, flags: JobFlags) => (await import('./commands/job.js')).retry(id, flags),
    ),
    ['rondo retry $ID', 'with as many attempts as at first'],
  );
}

const scheduleNotes = `
CRON is one argument, in quotes: minute, hour, day of month, month and day of week, with seconds before them or not; or one of
@yearly, @monthly, @weekly, @daily and @hourly. When the day of month and the day of week are both given, either will do.
A schedule is a job that never runs: \`rondo status\` and \`rondo jobs\` show it, \`rondo cancel\` ends it.`;

function addSchedules(program: Command): void {
  const command = program
    .command('schedule')
    .description(
      'Have a job of a task run at the times of a cron expression, and print the id of the schedule.',
    )
    .addArgument(taskArgument())
    .argument('<cron>', "when, for example '30 8 * * MON-FRI'")
    .addArgument(jsonArgument())
    .option(
      '--zone <name>',
      'the time zone that CRON is meant in, for example Europe/Berlin (default: UTC)',
      zone,
    )
    .option('--json', 'print {"id","copies","durable"}')
    .action(async (task: string, cron: string, json: string | undefined, flags: PayloadCommandFlags) =>
      (await import('./commands/submit.js')).schedule(task, cron, json, flags),
    );
  withExamples(
    withClientOptions(withKeyOption(withRunOptions(withBinaryOption(command)))).addHelpText(
      'after',
      scheduleNotes,
    ),
    ["rondo schedule report '30 8 * * MON-FRI' --zone Europe/Berlin", 'on working days at half past eight'],
    [
      'rondo schedule fetch @hourly \'"http://localhost:8080/"\' --retries 2 --key ping',
      'however often this is typed, there is one such schedule',
    ],
    ["rondo schedule backup '*/20 * * * * *' --timeout 10s", 'six fields: every twenty seconds'],
  );
  withExamples(
    withClientOptions(
      program
        .command('schedules')
        .description('List schedules, newest first: when each fires next, and when it last did.')
        .option('--task <task>', 'only those of this task', name)
        .option('--json', 'print JSON')
        .action(async (flags: JobFlags & { task?: string }) =>
          (await import('./commands/lists.js')).schedules(flags),
        ),
    ),
    ["rondo schedules --json | jq -r '.[].id' | xargs -n1 rondo cancel", 'end them all'],
  );
}

function taskArgument(): Argument {
  return new Argument('<task>', 'the name of the task; `rondo tasks` lists them').argParser(name);
}

function jsonArgument(): Argument {
  return new Argument('[json]', 'its arguments: JSON, @FILE, or - for standard input (default: null)');
}
