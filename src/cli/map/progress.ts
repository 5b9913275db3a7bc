import { createReadStream } from 'node:fs';
import type { SingleBar } from 'cli-progress';
import type { MapCounts } from './map-run.js';

/** What a person at a terminal sees while lines are run. */
export interface MapProgress {
  update(counts: MapCounts): void;
  /** Takes the bar away and clears its line. */
  stop(): void;
}

const silent: MapProgress = { update: () => {}, stop: () => {} };

/**
 * A bar on standard error; nothing where no person sees it, or where results on the same terminal would tear it. The total is
 * counted while the jobs run already; without a file there is none, and the bar is a counter.
 */
export async function showMapProgress(file: string | null): Promise<MapProgress> {
  if (!process.stderr.isTTY || process.stdout.isTTY) return silent;
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format:
      file === null
        ? '{value} lines · {rate}/s · {failed} failed · {duration_formatted}'
        : '{bar} {value}/{total} · {rate}/s · {failed} failed · {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 1_000,
  });
  bar.start(0, 0, { rate: 0, failed: 0 });
  if (file !== null) void countLines(file, bar);
  const startedAtMs = performance.now();
  return {
    update: (counts) => {
      const finished = counts.done + counts.failed;
      const rate = Math.round((finished * 1_000) / Math.max(performance.now() - startedAtMs, 1));
      bar.update(finished + counts.skipped, { rate, failed: counts.failed });
    },
    stop: () => bar.stop(),
  };
}

/** Without a total there is still a bar; so a file that can't be read twice is no fault here. */
async function countLines(file: string, bar: SingleBar): Promise<void> {
  try {
    let count = 0;
    let endsInLine = false;
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) count++;
      endsInLine = chunk.at(-1) !== 10;
    }
    bar.setTotal(count + (endsInLine ? 1 : 0));
  } catch {}
}
