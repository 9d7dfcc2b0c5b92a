"""dask-jobqueue without a batch system: its own LocalCluster runs each job as a process. Run by scripts/test-dask-versions.sh."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "agent"))

import dask.config
from agent_lab import check_books
from agent_tasks import busy
from dask_jobqueue.local import LocalCluster  # type: ignore[import-not-found] # only in the matrix
from distributed import Client
from watch_lab import USER_TOKEN, Office

import lineitem


def run(office: Office, *, by_call: bool) -> None:
    """Run some tasks in two jobs; the cluster announces itself, or the program asks for it."""
    jobs = LocalCluster(
        cores=2,
        processes=1,
        memory="1GB",
        n_workers=2,
        scheduler_options={"dashboard_address": ":0"},
    )
    with jobs as cluster, Client(cluster) as client:
        client.wait_for_workers(2, timeout=90)
        if by_call:
            assert lineitem.watch(client, server=office.url, token=USER_TOKEN).deployment == "jobqueue"
        assert sum(client.gather(client.map(busy, [0.02] * 40, [1] * 40, pure=False))) == 40
        # Here, and not at the end: these jobs are killed, and what they had not reported dies with them.
        office.until(lambda: sum(row[4] for batch in office.of("worker") for row in batch["ledger"]) == 40)
    (announced,) = office.announced
    assert announced["deployment"] == "jobqueue"
    assert {batch["cluster"]["deployment"] for batch in office.of("scheduler") if batch.get("cluster")} == {"jobqueue"}
    assert {batch["process"].rpartition("-")[0] for batch in office.of("worker")} == {
        "cl_watched0-LocalCluster-0",
        "cl_watched0-LocalCluster-1",
    }
    check_books(office.of("worker"))


def main() -> None:
    """Run both ways."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # for the jobs
    with Office() as office:
        run(office, by_call=True)
    with Office() as office:
        os.environ.update(office.account())
        dask.config.set({"distributed.scheduler.preload": ["lineitem.agent.preload"]})
        run(office, by_call=False)
    print("dask-jobqueue: two jobs, watched by call and by themselves")


if __name__ == "__main__":
    main()
