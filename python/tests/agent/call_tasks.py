"""What a worker does without a task: called through ``Client.run`` and as actors' methods."""

from __future__ import annotations

import asyncio
import time
from typing import Any


def block(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1_000))


async def linger(seconds: float) -> None:
    await asyncio.sleep(seconds)


def broken() -> None:
    raise ValueError("what users run may fail")


async def flush(dask_worker: Any) -> Any:
    return await dask_worker.handlers["lineitem_flush"]()


async def slow_task(seconds: float) -> str:
    await linger(seconds)
    return "done"


class Waiting:
    async def linger(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def block(self, seconds: float) -> None:
        block(seconds)
