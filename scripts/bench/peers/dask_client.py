"""The client of the benchmark's Dask: measures one workload, and tells each figure by a line of @ and JSON on standard output.

dask_client.py SCHEDULER WORKLOAD OPTIONS, where OPTIONS are JSON: how many workers there are, the processes whose time is counted by their names, sizes
of batches, and how long things are measured.
"""

import asyncio
import json
import math
import os
import sys
import time

from dask_tasks import hash_of, no_op
from distributed import Client

CONNECT_LIMIT_S = 30
# The right answers are known before: to work them out while it is measured would take the processor from the workers.
HASH_SEEDS = 16
# Of fewer, p99.9 would rest on less than ten jobs, and is not told.
LAST_QUANTILE_JOBS = 10_000


def job_of(n):
    return {"n": n, "kind": "no-op", "path": "/srv/media/incoming/2041/clip-000042.mp4", "sizes": [640, 1280, 1920]}


def answer_to(n):
    return {"ok": True, "n": n}


def cpu_micros(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000 / os.sysconf("SC_CLK_TCK")
    except OSError:
        return None


def rounded(value):
    return float(f"{value:.6g}")


def tell(workload, row, metric, unit, value, cpu=None):
    figure = {"workload": workload, "row": row, "metric": metric, "unit": unit, "value": rounded(value)}
    if cpu is not None:
        figure["cpuMicros"] = {name: rounded(micros) for name, micros in cpu.items()}
    print("@" + json.dumps(figure, ensure_ascii=False, separators=(",", ":")), flush=True)


class Load:
    def __init__(self, client, options):
        self.client = client
        self.options = options
        self.next = 0

    def numbers(self, count):
        first = self.next
        self.next += count
        return range(first, first + count)

    async def jobs(self, count):
        """So many no-op jobs by one client.map."""
        numbers = self.numbers(count)
        answers = await self.client.gather(self.client.map(no_op, [job_of(n) for n in numbers], pure=False))
        if answers != [answer_to(n) for n in numbers]:
            raise AssertionError(f"wrong answers to the jobs from {numbers.start}")

    async def one_job(self):
        (n,) = self.numbers(1)
        if await self.client.submit(no_op, job_of(n), pure=False) != answer_to(n):
            raise AssertionError(f"wrong answer to job {n}")

    async def hashes(self, count, expected):
        seeds = [n % HASH_SEEDS for n in self.numbers(count)]
        answers = await self.client.gather(self.client.map(hash_of, seeds, pure=False))
        if answers != [expected[seed] for seed in seeds]:
            raise AssertionError("a wrong hash")

    async def rate(self, workload, row, batch, work, measure_ms, is_warm=False):
        """Batch after batch, each when the one before is answered; ends with the first that ends after the time."""
        await self.repeat(work, self.options["warmUpMs"] / (4 if is_warm else 1))
        pids = {"client": os.getpid(), **self.options["pids"]}
        before = {name: cpu_micros(pid) for name, pid in pids.items()}
        batches, elapsed = await self.repeat(work, measure_ms)
        after = {name: cpu_micros(pid) for name, pid in pids.items()}
        count = batches * batch
        is_known = None not in before.values() and None not in after.values()
        cpu = {name: (after[name] - before[name]) / count for name in pids} if is_known else None
        tell(workload, row, "rate", "jobs/s", count / elapsed, cpu)

    async def repeat(self, work, duration_ms):
        started = time.perf_counter()
        batches = 0
        while batches == 0 or time.perf_counter() - started < duration_ms / 1_000:
            await work()
            batches += 1
        return batches, time.perf_counter() - started

    async def one_at_a_time(self):
        await self.repeat(self.one_job, self.options["warmUpMs"])
        latencies = []
        end = time.perf_counter() + self.options["measureMs"] / 1_000
        while time.perf_counter() < end:
            sent = time.perf_counter()
            await self.one_job()
            latencies.append((time.perf_counter() - sent) * 1_000_000)
        latencies.sort()
        shares = [("p50", 0.5), ("p99", 0.99)] + ([("p99.9", 0.999)] if len(latencies) >= LAST_QUANTILE_JOBS else [])
        for metric, share in shares:
            tell("b", "one at a time", metric, "µs", latencies[math.ceil(len(latencies) * share) - 1])


async def main(address, workload, options):
    async with Client(address, asynchronous=True, timeout=CONNECT_LIMIT_S) as client:
        await client.wait_for_workers(options["workers"], timeout=CONNECT_LIMIT_S)
        load = Load(client, options)
        if workload == "a":
            for in_flight in (1_000, 256):
                row = f"{in_flight} in flight"
                await load.rate("a", row, in_flight, lambda: load.jobs(in_flight), options["measureMs"], in_flight != 1_000)
        elif workload == "b":
            await load.one_at_a_time()
        elif workload == "e":
            batch = options["lineBatch"]
            await load.rate("e", "100000 lines", batch, lambda: load.jobs(batch), options["linesMs"])
        elif workload == "l":
            batch = options["hashBatch"]
            expected = [hash_of(seed) for seed in range(HASH_SEEDS)]
            await load.rate("l", "2 threads", batch, lambda: load.hashes(batch, expected), options["measureMs"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
