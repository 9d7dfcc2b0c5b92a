"""Workers that come and go, clients that reconnect, schedulers that start again: all in this process, with a real collector."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from agent_lab import CLUSTER, TOKEN, Collector
from distributed import Client, Scheduler, Worker

from lineitem.agent.common._agreed import watched_process_id
from lineitem.agent.common._config import AgentConfig
from lineitem.agent.scheduler._plugin import LineitemSchedulerPlugin

if TYPE_CHECKING:
    from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def install(scheduler: Any, collector: Collector, generation: int = 1) -> None:
    config = AgentConfig(
        server=collector.url, cluster=CLUSTER, process=f"{CLUSTER}-scheduler-{generation}", token=TOKEN, watched=True
    )
    LineitemSchedulerPlugin(scheduler, config).install()


def rows(collector: Collector, section: str) -> list[dict[str, Any]]:
    return [row for batch in collector.of("scheduler") for row in batch.get(section, ())]


def test_workers_of_a_watched_cluster_come_and_go() -> None:
    async def run(collector: Collector) -> None:
        async with Scheduler(port=0, dashboard=False) as scheduler:
            async with Worker(scheduler.address, name="node 7/été", nthreads=3) as early:
                install(scheduler, collector)
                async with (
                    Worker(scheduler.address, name=5, nthreads=1) as late,
                    Client(scheduler.address, asynchronous=True) as client,
                ):
                    held = client.submit(time.sleep, 3, workers=[late.address], allow_other_workers=False)
                    await until(lambda: late.state.executing_count and held.status == "pending")
                    await until(lambda: {row["name"] for row in rows(collector, "workers")} == {"node 7/été", "5"})
                    await scheduler.remove_worker(late.address, stimulus_id="test", close=False)
                    await until(lambda: any(row["ended_us"] for row in rows(collector, "workers")))
                gone = next(row for row in rows(collector, "workers") if row["ended_us"])
                assert (gone["name"], gone["lost_tasks"], gone["reason"]) == ("5", 1, "lost")
                assert gone["started_us"] <= gone["ended_us"]
                first = next(row for row in rows(collector, "workers") if row["name"] == "node 7/été")
                assert first["process"] == watched_process_id(CLUSTER, "node 7/été", early.id)
                assert first["process"].startswith(f"{CLUSTER}-node-7--t--")
                assert (first["nthreads"], first["ended_us"]) == (3, 0)
                await until(lambda: any(batch["process"] == first["process"] for batch in collector.of("worker")))
            await until(lambda: sum(bool(row["ended_us"]) for row in rows(collector, "workers")) == 2)
            assert next(batch["cluster"] for batch in collector.of("scheduler") if batch.get("cluster"))["host"]

    with Collector() as collector:
        asyncio.run(run(collector))


def created() -> int:
    return 1


def test_a_client_tells_a_new_scheduler_all_it_needs() -> None:
    async def run(collector: Collector) -> None:
        async with Scheduler(port=0, dashboard=False) as scheduler:
            install(scheduler, collector)
            port = scheduler.port
            client = await Client(scheduler.address, asynchronous=True, timeout=30)
            async with Worker(scheduler.address):
                for number in range(2):
                    assert await client.submit(created, key=f"first-{number}") == 1
                await until(lambda: len(rows(collector, "submissions")) == 2)
        assert len({row["id"] for row in rows(collector, "origins")}) == 1
        assert len(rows(collector, "origins")) == 1
        async with Scheduler(port=port, dashboard=False) as scheduler:
            install(scheduler, collector, generation=2)
            await until(lambda: client.status == "running" and scheduler.clients.get(client.id))
            async with Worker(scheduler.address):
                await until(lambda: client._scheduler_identity.get("lineitem"))
                assert await client.submit(created, key="second") == 1
                await until(lambda: len(rows(collector, "submissions")) == 3)
            await client.close()
        again = rows(collector, "origins")[-1]
        assert again["id"] == (1 << 32) + 1
        assert again["line"] == rows(collector, "origins")[0]["line"] + 9
        assert rows(collector, "submissions")[-1]["levels"] == {"call": 1}

    with Collector() as collector:
        asyncio.run(run(collector))


def test_a_scheduler_without_an_agent_gets_nothing_from_us() -> None:
    async def run() -> None:
        seen = []
        async with Scheduler(port=0, dashboard=False) as scheduler, Worker(scheduler.address):
            spans: Any = scheduler.extensions["spans"]
            original = spans.observe_tasks

            def observe_tasks(*args: Any, **kwargs: Any) -> Any:
                seen.append(kwargs["span_metadata"])
                return original(*args, **kwargs)

            spans.observe_tasks = observe_tasks
            async with Client(scheduler.address, asynchronous=True) as client:
                assert await client.submit(created) == 1
        assert seen
        assert all("lineitem" not in metadata for metadata in seen)

    asyncio.run(run())
