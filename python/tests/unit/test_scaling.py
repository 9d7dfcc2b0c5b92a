from __future__ import annotations

import asyncio
from typing import Any

from distributed.comm.core import CommClosedError

from lineitem._scaling import choose, close_workers


class Scheduler:
    """Answers as the scheduler's RPC does, and remembers what it was asked."""

    def __init__(self, idle: list[str] | None = None, closed: list[str] | None = None) -> None:
        self.idle, self.closed = idle or [], closed or []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def workers_to_close(self, **kwargs: Any) -> list[str]:
        self.asked.append(("workers_to_close", kwargs))
        return self.idle

    async def retire_workers(self, **kwargs: Any) -> dict[str, Any]:
        self.asked.append(("retire_workers", kwargs))
        return {address: {} for address in self.closed}

    async def broadcast(self, **kwargs: Any) -> None:
        self.asked.append(("broadcast", kwargs))
        raise CommClosedError("the worker closed before it answered")


def test_workers_that_are_not_up_go_first_newest_before_older() -> None:
    scheduler = Scheduler()
    wanted = {f"w-{i}" for i in range(12)}
    assert asyncio.run(choose(scheduler, 2, wanted, {"w-0", "w-1"})) == ["w-11", "w-10"]
    assert scheduler.asked == []


def test_then_those_that_dask_misses_least() -> None:
    scheduler = Scheduler(idle=["w-1"])
    assert asyncio.run(choose(scheduler, 2, {"w-0", "w-1", "w-2"}, {"w-0", "w-1"})) == ["w-2", "w-1"]
    assert scheduler.asked == [("workers_to_close", {"n": 1, "attribute": "name"})]


def test_the_newest_go_where_dask_names_too_few_or_strangers() -> None:
    scheduler = Scheduler(idle=["stranger", "w-1"])
    wanted = {"w-0", "w-1", "w-2"}
    assert asyncio.run(choose(scheduler, 3, wanted, wanted)) == ["w-1", "w-2", "w-0"]


def test_never_more_go_than_were_asked_for() -> None:
    scheduler = Scheduler(idle=["w-0", "w-1", "w-2"])
    wanted = {"w-0", "w-1", "w-2"}
    assert asyncio.run(choose(scheduler, 1, wanted, wanted)) == ["w-0"]


def test_workers_whose_data_has_nowhere_to_go_are_closed_all_the_same() -> None:
    scheduler = Scheduler(closed=["tls://a"])
    asyncio.run(close_workers(scheduler, ["tls://a", "tls://b"]))
    assert [name for name, _ in scheduler.asked] == ["retire_workers", "broadcast"]
    assert scheduler.asked[1][1]["workers"] == ["tls://b"]
    assert scheduler.asked[1][1]["msg"] == {"op": "terminate"}


def test_workers_that_moved_their_data_are_closed_once() -> None:
    scheduler = Scheduler(closed=["tls://a"])
    asyncio.run(close_workers(scheduler, ["tls://a"]))
    assert [name for name, _ in scheduler.asked] == ["retire_workers"]
