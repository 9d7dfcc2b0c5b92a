"""The agent in real schedulers and workers, with a collector over HTTP at the other end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import agent_tasks
import pytest
from agent_lab import CLUSTER, NO_PACKAGE, Collector, Processes, check_books, line_shares, slot_seconds
from agent_tasks import Counting, busy, fail, nested, step_aside, total
from distributed import Client, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

FLIGHTS = """\
import sys
import time

import dask
from distributed import Client


def delay(minutes):
    time.sleep(0.02)
    return minutes + 1


def main(client):
    tasks = [dask.delayed(delay)(number) for number in range(10)]
    return dask.compute(tasks)


if __name__ == "__main__":
    client = Client(sys.argv[1])
    main(client)
    first = client.submit(delay, 100)
    second = client.submit(
        delay, 200
    )
    assert client.gather([first, second]) == [101, 201]
    client.close()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name does not hold "pytest": Dask takes files below one for pytest itself, and hides their lines."""
    with tempfile.TemporaryDirectory(prefix="lineitem-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def test_books_balance_whatever_tasks_do_and_however_processes_end(folder: Path) -> None:
    script = folder / "flights.py"
    script.write_text(FLIGHTS)
    with Collector() as collector, Processes(folder, collector.url) as processes:
        processes.worker("w-0")
        processes.worker("w-1", "--preload", NO_PACKAGE)
        with Client(processes.address) as client:
            client.wait_for_workers(2, timeout=120)
            where = {str(info["name"]): address for address, info in client.scheduler_info()["workers"].items()}
            spinning = client.map(busy, [0.1] * 20, range(20), pure=False)
            failing = client.map(fail, range(6), retries=0)
            aside = client.map(step_aside, range(6))
            deep = client.map(nested, range(1, 4))
            gathered = client.submit(total, spinning)
            actor = client.submit(Counting, actor=True, workers=where["w-0"]).result()
            assert actor.spin(1.5).result() == 1
            assert gathered.result() == sum(range(20))
            wait(failing)
            assert [future.status for future in failing] == ["error"] * 6
            assert client.gather(aside) == list(range(6))
            assert client.gather(deep) == [-1, -2, -3]
            del spinning, aside, deep, gathered  # what is lost with w-0 would be made again, and counted again
            env = {**os.environ, "DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES": "3"}
            subprocess.run([sys.executable, str(script), processes.address], check=True, env=env, cwd=folder)
            running = client.submit(busy, 8, 0, workers=where["w-1"], pure=False)
            collector.until(
                lambda: {"w-0", "w-1"} <= {b["process"].split("-", 1)[1][:3] for b in collector.of("worker")}
            )
            collector.until(lambda: any(row["file"] == str(script) for row in collector.submissions()))
            for name in (str(script), agent_tasks.__file__):
                collector.until(lambda name=name: any(b["file"] == name for b in collector.of("source")))  # type: ignore[misc]
            assert processes.terminate("w-0") == 0
            collector.until(lambda: any(b["final"] and "-w-0-" in b["process"] for b in collector.of("worker")))
            assert running.status == "pending"
        assert processes.terminate("scheduler") == 0
    workers = collector.of("worker")
    check_books(collector.batches)
    assert {batch["process"] for batch in workers} == {f"{CLUSTER}-w-0-1", f"{CLUSTER}-w-1-1"}
    ends = Counter(batch["process"] for batch in collector.batches if batch.get("final"))
    assert ends == {f"{CLUSTER}-{name}-1": 1 for name in ("w-0", "w-1", "scheduler")}

    _slot, thread, done, failed = slot_seconds(workers, "busy")
    assert (done, failed) == (23, 0)
    assert thread > 2.3
    assert slot_seconds(workers, "fail")[2:] == (0, 6)
    assert slot_seconds(workers, "step_aside")[2:] == (6, 0)
    assert slot_seconds(workers, "Counting.spin")[0] > 0.2
    assert {reason for batch in workers for reason in batch["idle"]} >= {"starting"}

    check_submissions(collector, script)


def check_submissions(collector: Collector, script: Path) -> None:
    rows = [row for row in collector.submissions() if row["file"] == str(script)]
    assert [(row["line"], row["function"], row["text"], row["tasks"]) for row in rows] == [
        (15, "main", "return dask.compute(tasks)", 10),
        (21, "<module>", "first = client.submit(delay, 100)", 1),
        (22, "<module>", "second = client.submit(", 1),
    ]
    everything = collector.submissions()
    assert sorted(row["id"] for row in everything) == list(range(1, len(everything) + 1))
    # All twelve tasks share one prefix (the submitted two even one task group), and still go to three submissions.
    stamped: Counter[int] = Counter()
    for batch in collector.of("worker"):
        for submission, prefix, _, _, done, *_ in batch["ledger"]:
            if batch["strings"][prefix] == "delay":
                stamped[submission] += done
    assert stamped == {row["id"]: row["tasks"] for row in rows}
    gauges = [batch["gauges"] for batch in collector.of("scheduler")]
    assert max(gauge["workers"] for gauge in gauges) == 2
    assert max(gauge["threads"] for gauge in gauges) == 4
    sources = {batch["file"]: batch["text"] for batch in collector.of("source")}
    assert len(sources) == len(collector.of("source")), "each file once"
    assert sources[str(script)] == FLIGHTS
    assert sources[agent_tasks.__file__] == Path(agent_tasks.__file__).read_text()


SPLIT = """\
import json, time, zlib
clock = time.perf_counter
TEXT = json.dumps([{"a": i, "b": str(i)} for i in range(150_000)])
BLOB = TEXT.encode() * 2


def work(number):
    a = clock()
    json.loads(TEXT)
    b = clock()
    zlib.compress(BLOB, 3)
    c = clock()
    time.sleep(0.25)
    d = clock()
    while clock() - d < 0.3: sum([1, 2, 3])
    e = clock()
    return [b - a, c - b, d - c, e - d]
"""
SPLIT_LINES = {9: "holds the GIL", 11: "releases the GIL", 13: "sleeps", 15: "plain Python"}


def test_lines_get_their_share(tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "split_work.py"
    file.write_text(SPLIT)
    namespace: dict[str, Any] = {}
    exec(compile(SPLIT, str(file), "exec"), namespace)
    with Collector() as collector, Processes(tmp_path, collector.url) as processes:
        processes.worker("w-0", env={"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])})
        sys.path.insert(0, str(tmp_path))
        try:
            import split_work  # type: ignore[import-not-found]
        finally:
            sys.path.remove(str(tmp_path))
        with Client(processes.address) as client:
            client.wait_for_workers(1, timeout=120)
            one = sum(client.submit(split_work.work, -1).result())
            count = max(12, int(2 * 12 / one))
            measured = client.gather(client.map(split_work.work, range(count)))
        processes.terminate("w-0")
    check_books(collector.batches)
    truth = [sum(column) for column in zip(*measured, strict=True)]
    shares = line_shares(collector.of("worker"), str(file))
    errors = {}
    for line, seconds in zip(SPLIT_LINES, truth, strict=True):
        exact = 100 * seconds / sum(truth)
        # The interpreter may stop at the clock() call that follows a line; it belongs to that line.
        sampled = 100 * (shares.get(line, 0) + shares.get(line + 1, 0))
        errors[SPLIT_LINES[line]] = sampled - exact
        with capsys.disabled():
            print(
                f"\n  {SPLIT_LINES[line]:18} {exact:5.1f} % measured by the task, {sampled:5.1f} % by the agent", end=""
            )
    record_property("line_share_errors", errors)
    assert max(map(abs, errors.values())) < 8, errors
    assert shares.get(0, 0) + shares.get(-1, 0) < 0.05
