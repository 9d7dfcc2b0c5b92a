"""What a process uses, against what it really did."""

from __future__ import annotations

import mmap
import os
import random
import sys
import time
from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from nvml_replay import Card, Replay, made_up

from lineitem.agent.worker._nvml import GpuWatch
from lineitem.agent.worker._resources import ProcessFiles, Resources, Transfers, peak_rss

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's own books")


def worker(**more: Any) -> Any:
    """Return as much of a worker as is looked at."""
    return SimpleNamespace(
        **{
            "state": SimpleNamespace(nbytes=1_000),
            "memory_manager": SimpleNamespace(memory_limit=4_000_000_000),
            "transfer_incoming_log": deque(maxlen=5),
            "transfer_outgoing_bytes_total": 0,
            "monitor": SimpleNamespace(proc=psutil.Process()),
            **more,
        }
    )


@pytest.fixture
def dask_worker() -> Any:
    return worker()


@pytest.fixture
def resources(dask_worker: Any) -> Iterator[Resources]:
    measured = Resources(dask_worker, lambda _: 77)
    yield measured
    measured.close()


def test_gauges_and_differences(resources: Resources, dask_worker: Any) -> None:
    resources.window()
    dask_worker.transfer_outgoing_bytes_total = 500
    dask_worker.transfer_incoming_log.extend({"total": n} for n in (10, 20, 30))
    end = time.process_time() + 0.05
    while time.process_time() < end:
        sum(range(1000))
    seen = resources.window()
    assert seen["managed_bytes"] == 1_000
    assert seen["spilled_bytes"] == 77
    assert seen["memory_limit_bytes"] == 4_000_000_000
    assert seen["transfer_out_bytes"] == 500
    assert seen["transfer_in_bytes"] == 60
    assert seen["cpu_us"] >= 50_000
    assert 0.5 < seen["rss_bytes"] / psutil.Process().memory_info().rss < 2
    assert "gpus" not in seen
    again = resources.window()
    assert again["transfer_in_bytes"] == again["transfer_out_bytes"] == 0
    assert 0 <= again["cpu_us"] < seen["cpu_us"]


@linux
def test_a_peak_between_two_looks_is_seen_if_it_is_a_record(resources: Resources) -> None:
    resources.tick(0)
    before = resources.window()
    room = max(64 << 20, 2 * (peak_rss() - before["rss_bytes"]))
    block = mmap.mmap(-1, room)
    for at in range(0, room, mmap.PAGESIZE):
        block[at] = 1
    block.close()
    seen = resources.window()
    assert seen["rss_peak_bytes"] >= before["rss_bytes"] + room * 3 // 4
    assert seen["rss_bytes"] < seen["rss_peak_bytes"]
    # A record of the past is no peak of this window.
    assert resources.window()["rss_peak_bytes"] < seen["rss_peak_bytes"]


@linux
def test_disk_is_what_the_system_counts(resources: Resources, tmp_path: Path) -> None:
    first = resources.window()
    with (tmp_path / "file").open("wb", buffering=0) as stream:
        stream.write(os.urandom(1 << 20))
        os.fsync(stream.fileno())
    before = psutil.Process().io_counters().write_bytes
    second = resources.window()
    assert second["disk_write_bytes"] >= 0
    assert first["disk_write_bytes"] + second["disk_write_bytes"] <= before


def test_looking_is_done_once_a_second(dask_worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = Resources(dask_worker, lambda _: 0)
    looks = []

    def rss() -> int:
        looks.append(1)
        return 1_000

    monkeypatch.setattr(resources._files, "rss", rss)
    for now in range(0, 10_000_000, 50_000):
        resources.tick(now)
    assert len(looks) == 10
    resources.close()


def test_what_cannot_be_read_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", forbidden)
    monkeypatch.setattr(psutil.Process, "memory_info", forbidden)
    seen = Resources(worker(memory_manager=SimpleNamespace(memory_limit=None)), lambda _: 0).window()
    assert not {"rss_bytes", "rss_peak_bytes", "disk_read_bytes", "disk_write_bytes", "memory_limit_bytes"} & set(seen)
    assert seen["managed_bytes"] == 1_000


@linux
def test_files_are_closed_once() -> None:
    files = ProcessFiles(lambda: 5)
    assert (files.rss() or 0) > 1 << 20
    files.close()
    files.close()
    assert files.rss() == 5
    assert files.disk() is None


@pytest.mark.parametrize("seed", range(20))
def test_each_transfer_is_counted_once(seed: int) -> None:
    dice = random.Random(seed)
    log: deque[dict[str, int]] = deque(({"total": 1_000_000} for _ in range(dice.randint(0, 3))), maxlen=50)
    transfers = Transfers(worker(transfer_incoming_log=log))
    for _ in range(30):
        come = [{"total": dice.randint(0, 9)} for _ in range(dice.randint(0, 50))]
        log.extend(come)
        assert transfers.received() == sum(entry["total"] for entry in come)


def test_gpus_are_part_of_it(dask_worker: Any) -> None:
    card = Card(0, "GPU-1", util=[50])
    watching = GpuWatch(lambda: Replay(made_up([card])), {})
    watching.begin()
    resources = Resources(dask_worker, lambda _: 0, gpus=_Still(watching))
    for now in (0, 1_000_000):
        watching.step(now)
    (gpu,) = resources.window()["gpus"]
    assert gpu["util_us"] == 500_000
    resources.close()


class _Still(GpuWatch):
    """Looks when the test says so."""

    def __init__(self, watching: GpuWatch) -> None:
        self.__dict__.update(watching.__dict__)

    def start(self) -> None:
        pass
