/** What the words and columns of the page mean, before the first of them is used. */
export function readingPart(rounds: number): string {
  return `## How to read this

- ${figureText(rounds)} Rows of one kind stand together, the best first.
  "p50" and "p99" are the times within which half of all jobs, and 99 of 100, were answered.
- **× Rondo** is the row's figure divided by Rondo's, **× bare** that divided by the bare process's of the same rows. Of what is counted by the second (jobs/s, MB/s) more is
  better, and 2 × Rondo is twice as good; of times, memory and processor time less is, and 2 × Rondo is twice as bad. Where Rondo was measured in several settings,
  it is the one whose promise is nearest to the others', and where that is in doubt the weakest one.
- **In flight** are jobs that were submitted and are not answered yet: as soon as one is, the client submits the next.
- **Client** is the process that submits, **front** the node of Rondo that it talks to, **worker** the node or process that runs the jobs.
- **Bare processes** do the least that the task can be done with, and bound what can be had on this machine. **Bare relay** is such a client, router and worker, which parse
  and pass on what a job of Rondo consists of, and do nothing else; **bare relay of bytes** doesn't even parse; **bare keeper** is one process that keeps and confirms.
- **CPU µs each** is processor time by the job, message or line: of all processes, and by process.`;
}

function figureText(rounds: number): string {
  return rounds === 1
    ? 'Each was measured once: one round has no spread, so take small differences for none.'
    : 'A figure is the median of the rounds, with the least and the most in brackets.';
}
