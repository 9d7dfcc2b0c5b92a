"""Print pairs of seconds that the same steps take on a watched cluster and on one whose agent and hooks are off.

Each cluster has a client process of its own, as what the client adds to its graphs is part of being watched. The two take turns, so that
what the machine does meanwhile falls on both. They are started anew several times: where a process happens to lie in memory can make it
faster or slower by a per cent or two for as long as it lives.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from workloads import WORKLOADS


def client(side: str, name: str, folder: Path) -> None:
    """Run the step that each line on standard input names, and answer with the seconds it took."""
    import dask

    from lineitem import Cluster

    workload = WORKLOADS[name]
    watched = side == "watched"
    dask.config.set({"lineitem.receipts": False, **({} if watched else {"lineitem.submission-frames": 0})})
    # So that the agent's errors, if there are any, stand in the log.
    env = {"DASK_LOGGING__LINEITEM": "info"} if watched else {"LINEITEM_AGENT": "off"}
    with (
        Cluster(n_workers=workload.n_workers, nthreads=workload.nthreads, env=env) as cluster,
        cluster.get_client() as connected,
    ):
        connected.wait_for_workers(workload.n_workers, timeout=120)
        steps = workload.steps(folder, connected)
        # The server is not among them: both sides share it.
        pids = [os.getpid(), connected.run_on_scheduler(os.getpid), *connected.run(os.getpid).values()]
        processes = [psutil.Process(pid) for pid in pids]
        reply(len(steps))
        for line in sys.stdin:
            if line.strip() == "end":
                break
            before = sum(cpu_seconds(process) for process in processes)
            start = time.perf_counter()
            steps[int(line)]()
            seconds = time.perf_counter() - start
            reply([seconds, sum(cpu_seconds(process) for process in processes) - before])


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def reply(value: object) -> None:
    """Answer with one line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Side:
    """A client process."""

    def __init__(self, side: str, workload: str, folder: Path) -> None:
        environ = dict(os.environ) if side == "watched" else {**os.environ, "LINEITEM_ORIGINS": "off"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, workload, side, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def answer(self) -> Any:
        """Return the next answer."""
        if self.process.stdout is None:
            raise AssertionError
        line = self.process.stdout.readline()
        if not line:
            message = f"a client ended with status {self.process.wait()}"
            raise RuntimeError(message)
        return json.loads(line)

    def ask(self, step: int) -> tuple[float, float]:
        """Let it run a step and return the seconds that it took, and those of CPU."""
        if self.process.stdin is None:
            raise AssertionError
        self.process.stdin.write(f"{step}\n")
        self.process.stdin.flush()
        seconds, cpu = self.answer()
        return seconds, cpu

    def end(self) -> None:
        """Let the process end its cluster and wait for it."""
        if self.process.poll() is None:
            self.process.communicate("end\n", timeout=120)


def main(name: str) -> None:
    """Measure pairs, each side first in turn."""
    workload = WORKLOADS[name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        workload.prepare(folder)
        reply([{**pair, "start": start} for start in range(workload.clusters) for pair in measure(name, folder)])


def measure(name: str, folder: Path) -> list[dict[str, float]]:
    """Start both sides, and return their pairs of seconds."""
    sides: list[Side] = []
    pairs = []
    try:
        sides.extend(Side(side, name, folder) for side in ("watched", "plain"))
        steps = min(int(side.answer()) for side in sides)
        watched, plain = sides
        workload = WORKLOADS[name]
        for number in range(workload.settle + workload.rounds):
            for step in range(steps):
                if (number + step) % 2:
                    ours, theirs = watched.ask(step), plain.ask(step)
                else:
                    theirs, ours = plain.ask(step), watched.ask(step)
                if number >= workload.settle:
                    pairs.append({"with": ours[0], "without": theirs[0], "with_cpu": ours[1], "without_cpu": theirs[1]})
    finally:
        for side in sides:
            side.end()
    return pairs


if __name__ == "__main__":
    if len(sys.argv) > 2:
        client(sys.argv[2], sys.argv[1], Path(sys.argv[3]))
    else:
        main(sys.argv[1])
