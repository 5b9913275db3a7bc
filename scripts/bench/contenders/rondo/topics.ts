import { type Pace, rounded } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import type { TopicsFigures, TopicsLoad } from '../../topics.js';

const subscribers = 100;

/** f: as many messages of 100 bytes as one publisher gets to subscribers that are spread over three nodes. */
export function topicsLoad({ measureMs }: Pace): TopicsLoad {
  return { nodes: 3, subscribers, messages: Number.POSITIVE_INFINITY, measureMs, bytes: 100 };
}

export function tellTopics({ messagesPerSecond, latencyMs, cpuUsPerMessage }: TopicsFigures): void {
  const where = { workload: 'f', row: `${subscribers} subscribers` } as const;
  tellFigure({
    ...where,
    metric: 'rate',
    unit: 'messages/s',
    value: rounded(messagesPerSecond),
    cpuMicros: { 'all that pass it on': rounded(cpuUsPerMessage) },
  });
  const alone = { workload: 'f', row: 'one at a time', unit: 'µs' } as const;
  tellFigure({ ...alone, metric: 'p50', value: rounded(latencyMs.p50 * 1_000) });
  tellFigure({ ...alone, metric: 'p99', value: rounded(latencyMs.p99 * 1_000) });
}
