"""Whole programs on real schedulers and workers: is the thread-time at the lines that created the work?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import Collector, Processes
from programs import PROGRAMS, known_seconds, program

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench" / "tpch"))
import attribution

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lab:
    """A cluster that stays up for all programs, and what its agents report."""

    def __init__(self, collector: Collector, processes: Processes, folder: Path) -> None:
        self.collector = collector
        self.processes = processes
        self.folder = folder

    def run(self, name: str, source: str, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """Run a program to its end, and return the batches that came of it once all of its tasks are in."""
        script = self.folder / f"program_{name}.py"
        script.write_text(source)
        before = len(self.collector.batches)
        frames = {"DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES": "3"}
        command = [sys.executable, str(script), self.processes.address]
        subprocess.run(command, check=True, cwd=self.folder, env={**os.environ, **frames, **(env or {})})
        mine: list[dict[str, Any]] = []

        def all_in() -> bool:
            mine[:] = self.collector.batches[before:]
            asked = sum(row["tasks"] for row in submissions(mine))
            ids = {row["id"] for row in submissions(mine)}
            ended = sum(row[4] for batch in workers(mine) for row in batch["ledger"] if row[0] in ids)
            return bool(asked) and ended >= asked

        self.collector.until(all_in, seconds=90)
        return mine


def workers(batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [batch for batch in batches if batch["kind"] == "worker"]


def submissions(batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for batch in batches if batch["kind"] == "scheduler" for row in batch["submissions"]]


def origins(batches: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for batch in batches if batch["kind"] == "scheduler" for row in batch.get("origins", ())}


def seconds_by_line(batches: list[dict[str, Any]], file: str) -> tuple[Counter[int], float, float]:
    """Thread-time of a program by the line of origin, in all, and without one."""
    known = origins(batches)
    parts = {
        (submission, name): origin
        for batch in batches
        if batch["kind"] == "scheduler"
        for submission, name, origin in batch.get("parts", ())
    }
    ids = {row["id"] for row in submissions(batches)}
    lines: Counter[int] = Counter()
    total = unknown = 0
    for batch in workers(batches):
        for (submission, _prefix, origin), us in attribution.split_time(batch, parts).items():
            if submission not in ids:
                continue
            total += us
            if not origin:
                unknown += us
                continue
            assert known[origin]["file"] == file
            lines[known[origin]["line"]] += us
    return Counter({line: us / 1e6 for line, us in lines.items()}), total / 1e6, unknown / 1e6


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="lineitem-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with Collector() as collector, Processes(folder, collector.url) as processes:
            env = {"PYTHONPATH": os.pathsep.join([name, os.environ.get("PYTHONPATH", "")])}
            processes.worker("w-0", nthreads=4, env=env)
            yield Lab(collector, processes, folder)


@pytest.mark.parametrize("name", PROGRAMS)
def test_thread_time_is_at_the_line_that_created_the_work(lab: Lab, name: str) -> None:
    source = program(name)
    batches = lab.run(name, source)
    lines, total, unknown = seconds_by_line(batches, str(lab.folder / f"program_{name}.py"))
    levels: Counter[str] = Counter()
    for row in submissions(batches):
        levels.update(row["levels"])
    print(f"\n{name}: {100 * (1 - unknown / total):.2f} % of {total:.2f} s, by {dict(levels)}")
    assert unknown <= 0.05 * total
    assert levels["none"] == 0
    known = known_seconds(source)
    for line, seconds in known.items():
        # A sleep never ends early; what the machine adds is not known.
        assert lines[line] >= 0.97 * seconds, (line, lines)
    assert sum(lines[line] for line in known) >= 0.8 * total, lines


def test_tags_sessions_and_calls_are_told(lab: Lab) -> None:
    batches = lab.run("who", program("futures"))
    rows = submissions(batches)
    assert [row["tags"] for row in rows if row["tags"]] == [{"project": "churn"}]
    assert {tuple(row["levels"]) for row in rows} == {("call",)}
    session = next(row for batch in batches if batch["kind"] == "scheduler" for row in batch.get("sessions", ()))
    assert session["kind"] == "script"
    assert session["path"] == str(lab.folder / "program_who.py")
    assert session["client"] == rows[0]["client"]


def test_without_hooks_submissions_are_all_there_is(lab: Lab) -> None:
    batches = lab.run("plain", program("delayed"), {"LINEITEM_ORIGINS": "off"})
    assert origins(batches) == {}
    assert all(row["levels"] == {"none": row["tasks"]} and row["line"] for row in submissions(batches))


LATE = """\
import sys
import dask.array as da

early = da.ones(4, chunks=1) + 1
import lineitem
from distributed import Client

if __name__ == "__main__":
    with Client(sys.argv[1]):
        late = early * 2
        assert late.sum().compute() == 16
"""


def test_what_was_made_before_the_hooks_goes_to_what_depends_on_it(lab: Lab) -> None:
    batches = lab.run("late", LATE)
    levels: Counter[str] = Counter()
    for row in submissions(batches):
        levels.update(row["levels"])
    assert levels["none"] == 0
    lines, _, unknown = seconds_by_line(batches, str(lab.folder / "program_late.py"))
    assert unknown == 0
    assert set(lines) <= {10, 11}


ASYNC = """\
import asyncio
import sys
import time

import lineitem
from distributed import Client


def slow(number):
    time.sleep(0.1)
    return number


async def ask(client, name, count):
    with lineitem.tag(who=name):
        return await client.gather(client.map(slow, range(count), key=name))


async def main():
    async with Client(sys.argv[1], asynchronous=True) as client:
        await client.wait_for_workers(1)
        found = await asyncio.gather(ask(client, "ana", 3), ask(client, "ben", 5))
        assert [len(one) for one in found] == [3, 5]


asyncio.run(main())
"""


def test_asynchronous_clients(lab: Lab) -> None:
    batches = lab.run("later", ASYNC)
    rows = submissions(batches)
    assert {row["tags"]["who"]: row["tasks"] for row in rows} == {"ana": 3, "ben": 5}
    lines, total, unknown = seconds_by_line(batches, str(lab.folder / "program_later.py"))
    assert unknown == 0
    assert set(lines) == {16}
    assert total >= 0.8


FLUSH = """\
import sys
import lineitem
from distributed import Client

with Client(sys.argv[1]) as client:
    assert client.submit(abs, -5).result() == 5
    hello = client.sync(client.scheduler.lineitem_hello)
    assert hello["status"] == "OK" and hello["cluster"] == "cl_test", hello
    said = client.sync(client.scheduler.lineitem_flush)
    assert said["status"] == "OK", said
    print(said["complete"])
"""


def test_a_flush_answers_when_the_server_has_it_all(lab: Lab) -> None:
    script = lab.folder / "flush.py"
    script.write_text(FLUSH)
    command = [sys.executable, str(script), lab.processes.address]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=lab.folder)
    assert said.stdout.strip() == "True", lab.processes.log("scheduler")
    # It is there already, without waiting.
    mine = [row for row in lab.collector.submissions() if row["file"] == str(script) or row["tasks"] == 1]
    assert mine
    ids = {row["id"] for row in mine}
    assert any(row[0] in ids and row[4] for batch in lab.collector.of("worker") for row in batch["ledger"])


def test_a_dead_server_does_not_hold_up_a_flush(lab: Lab) -> None:
    script = lab.folder / "flush.py"
    script.write_text(FLUSH)
    lab.collector.down()
    try:
        command = [sys.executable, str(script), lab.processes.address]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=lab.folder)
        assert said.stdout.strip() == "False"
    finally:
        lab.collector.up()
