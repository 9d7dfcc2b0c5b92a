"""What a task has taken on its thread so far, at the end of a window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from distributed.metrics import time as dask_time

from lineitem.agent.worker._ledger import DONE, Ledger
from lineitem.agent.worker._plugin import WorkerAgent

OWNER = (1, "work", 0)


def agent(ledger: Ledger, started_s_ago: float, on_thread: list[str]) -> Any:
    """Make as much of an agent as the question needs: a worker that knows one task."""
    task = SimpleNamespace(start_time=dask_time() - started_s_ago, run_spec=None, annotations=None)
    worker = SimpleNamespace(
        state=SimpleNamespace(tasks={"a": task}), active_threads=dict(enumerate(on_thread)), active_keys={"a"}
    )
    return SimpleNamespace(worker=worker, ledger=ledger, _calls=set(), _adopted_actors={})


@pytest.mark.parametrize(
    ("seen_at", "charged"),
    [(1_600_000, 1_600_000), (0, 0)],
    ids=["left its thread, and nobody has noticed", "has not begun yet"],
)
def test_a_task_that_is_on_no_thread(seen_at: int, charged: int) -> None:
    ledger = Ledger(1, 0)
    ledger.begin("a", OWNER, 0)
    if seen_at:
        ledger.saw(["a", "of another agent"], seen_at)
    ledger.advance(2_000_000)
    elapsed = WorkerAgent._elapsed(agent(ledger, 2.0, []))
    row = ledger.close_window(2_000_000, "no_work", elapsed).rows[OWNER]
    assert row[0] == 2_000_000
    assert row[1] == pytest.approx(charged, abs=50_000)


def test_the_end_adds_what_the_window_before_could_not_know() -> None:
    ledger = Ledger(1, 0)
    ledger.begin("a", OWNER, 0)
    ledger.saw(["a"], 1_600_000)
    ledger.advance(2_000_000)
    first = ledger.close_window(2_000_000, "no_work", WorkerAgent._elapsed(agent(ledger, 2.0, []))).rows[OWNER]
    ledger.end("a", 2_100_000, 1_650_000, DONE)  # Dask measured a little more than was seen
    second = ledger.close_window(3_000_000, "no_work", WorkerAgent._elapsed(agent(ledger, 3.0, []))).rows[OWNER]
    assert first[1] + second[1] == pytest.approx(1_650_000, abs=1_000)
    assert (second[0], second[2]) == (100_000, 1)


def test_a_task_on_its_thread_has_been_there_since_it_began() -> None:
    ledger = Ledger(1, 0)
    ledger.begin("a", OWNER, 0)
    ledger.advance(2_000_000)
    row = ledger.close_window(2_000_000, "no_work", WorkerAgent._elapsed(agent(ledger, 1.5, ["a"]))).rows[OWNER]
    assert row[1] == pytest.approx(1_500_000, abs=50_000)
