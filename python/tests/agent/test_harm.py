"""Whatever happens to the agent or its server, work goes on."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import dask
import pytest
from agent_lab import CLUSTER, Collector, Processes, agent_env, check_books, environment
from agent_tasks import busy, fail
from distributed import Client, LocalCluster, wait

from lineitem.agent import INLINE_PRELOAD

if TYPE_CHECKING:
    from pathlib import Path

# Replaces parts of the agent by functions that raise, in the scheduler and in what it pushes to the workers. Which
# parts fail on a worker is up to the worker's environment. The functions must belong to no module: they travel too.
FAULTS = """
import lineitem.agent
from lineitem.agent import preload
from lineitem.agent.scheduler import _lifecycle, _operations, _plugin as _scheduler, _stamps
from lineitem.agent.worker import _plugin as _worker

MAKE = '''
def make(name, original):
    def faulty(*args, **kwargs):
        import os
        if name in os.environ.get("TEST_FAULTS", "").split(","):
            raise ZeroDivisionError("fault in " + name)
        return original(*args, **kwargs)
    return faulty
'''
scope = {"__name__": "__main__"}
exec(MAKE, scope)

def break_part(holder, name):
    setattr(holder, name, scope["make"](name, getattr(holder, name)))

for name in ("__init__", "_drain", "_tick", "_look", "_flush", "_obey", "_halt"):
    break_part(_worker.WorkerAgent, name)
break_part(_worker, "measured_us")
break_part(_worker.Outbox, "_parcel")
for name in ("_take", "_gauges", "_apply", "_finish_workers"):
    break_part(_scheduler.LineitemSchedulerPlugin, name)
for name in ("_stamp", "_take_entry"):
    break_part(_stamps.Stamper, name)
for name in ("add", "remove"):
    break_part(_lifecycle.Lifecycle, name)
break_part(_operations.Operations, "gather")
break_part(_stamps, "find_origin")

def dask_setup(scheduler):
    preload.dask_setup(scheduler)
"""
ON_WORKERS = {
    "w-0": "measured_us,_parcel",
    "w-1": "_drain,_tick,_look,_flush,_obey,_halt",
    "w-2": "__init__",
}
ON_SCHEDULER = "_stamp,_take_entry,_take,_gauges,_apply,_finish_workers,find_origin,add,remove,gather"


def compute(client: Client) -> None:
    """Work of several kinds, with right answers."""
    numbers = client.map(busy, [0.01] * 40, range(40), pure=False)
    failing = client.map(fail, range(3), pure=False)
    assert client.submit(sum, numbers).result() == sum(range(40))
    wait(failing)
    assert [future.status for future in failing] == ["error"] * 3


@pytest.mark.parametrize("on_scheduler", ["", ON_SCHEDULER], ids=["faulty workers", "faulty everything"])
def test_work_is_unharmed_when_every_part_of_the_agent_raises(tmp_path: Path, on_scheduler: str) -> None:
    with (
        Collector() as collector,
        environment({"TEST_FAULTS": on_scheduler}),
        Processes(tmp_path, collector.url, preload=FAULTS) as processes,
    ):
        for name, faults in ON_WORKERS.items():
            processes.worker(name, "--no-nanny", nthreads=1, env={"TEST_FAULTS": faults})
        with Client(processes.address) as client:
            client.wait_for_workers(3, timeout=120)
            deadline = time.monotonic() + 60
            while not all("switched off" in processes.log(name) for name in ("w-0", "w-1")):
                compute(client)
                assert time.monotonic() < deadline, processes.log("w-1")
            assert len(client.scheduler_info()["workers"]) == 3
            for name in processes.logs:
                errors = [line for line in processes.log(name).splitlines() if " - ERROR - " in line]
                assert all("Compute Failed" in line for line in errors), errors
        for name in ("w-0", "w-1", "w-2", "scheduler"):
            assert processes.terminate(name) == 0, processes.log(name)
        assert "could not start on this worker" in processes.log("w-2")
    assert all(batch["process"] != f"{CLUSTER}-w-2-1" for batch in collector.of("worker"))


def scheduler_env(tmp_path: Path, url: str, **overrides: str) -> dict[str, str]:
    """The environment of a scheduler in this process, and of what it starts."""
    values = agent_env(tmp_path, url, "scheduler")
    return {name: value for name, value in values.items() if name.startswith("LINEITEM_")} | overrides


def preloading() -> Any:
    return dask.config.set({"distributed.scheduler.preload": [INLINE_PRELOAD]})


def test_a_server_that_goes_away_and_comes_back_gets_everything(tmp_path: Path) -> None:
    with (
        Collector() as collector,
        environment(scheduler_env(tmp_path, collector.url)),
        preloading(),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        collector.until(lambda: len({batch["process"] for batch in collector.of("worker")}) == 2)
        collector.down()
        before = len(collector.batches)
        compute(client)
        time.sleep(3)
        collector.up()
        collector.until(lambda: len(collector.batches) > before + 3)
        # One of the two is told to go; its results move to the other one.
        kept = client.map(busy, [0.0] * 10, range(10), pure=False)
        wait(kept)
        collector.retire = ["1"]
        deadline = time.monotonic() + 60
        while len(client.scheduler_info()["workers"]) != 1:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert client.gather(kept) == list(range(10))
    check_books(collector.batches)
    epochs: dict[str, list[int]] = {}
    for batch in collector.batches:
        epochs.setdefault(batch["epoch"], []).append(batch["seq"])
    assert len(epochs) == 3
    for numbers in epochs.values():
        assert sorted(numbers) == list(range(len(numbers))), "nothing is missing and nothing came twice"
    # Workers that Lineitem did not start have the end of their server's id as the last part.
    ends = Counter(batch["process"].rpartition("-")[0] for batch in collector.batches if batch.get("final"))
    assert ends == {f"{CLUSTER}-{name}": 1 for name in ("0", "1", "scheduler")}


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({"LINEITEM_AGENT": "off"}, "off"),
        ({"LINEITEM_AGENT_TOKEN_FILE": "/nowhere/token"}, "no token"),
        ({"LINEITEM_SERVER": "http://127.0.0.1:9"}, "nobody there"),
        ({"LINEITEM_SERVER": "nonsense"}, "no address"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_work_is_unharmed_without_a_server(tmp_path: Path, env: dict[str, str], reason: str) -> None:
    with (
        Collector() as collector,
        environment(scheduler_env(tmp_path, collector.url, **env)),
        preloading(),
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        assert hasattr(cluster.scheduler, "_lineitem_agent") == (reason in ("no token", "nobody there"))
    assert collector.requests == 0


def test_the_agent_may_come_to_a_cluster_that_is_at_work(tmp_path: Path) -> None:
    with Collector() as collector:
        with (
            environment(scheduler_env(tmp_path, collector.url)),
            LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            early = client.submit(busy, 3, 1, pure=False)
            time.sleep(0.5)

            def start(dask_scheduler: Any) -> None:
                from lineitem.agent import preload

                preload.dask_setup(dask_scheduler)
                preload.dask_setup(dask_scheduler)

            client.run_on_scheduler(start)
            late = client.submit(busy, 0.5, 2, pure=False)
            assert client.gather([early, late]) == [1, 2]
            collector.until(collector.submissions)
        deadline = time.monotonic() + 20
        while not any(batch["final"] for batch in collector.of("scheduler")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    check_books(collector.batches)
    assert len({batch["epoch"] for batch in collector.of("worker")}) == 1
    rows = [(row[0], row[4]) for batch in collector.of("worker") for row in batch["ledger"]]
    assert sum(done for submission, done in rows if submission == 0) == 1
    assert sum(done for submission, done in rows if submission == 1) == 1
