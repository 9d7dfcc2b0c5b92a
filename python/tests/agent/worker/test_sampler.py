from __future__ import annotations

import gc
import os
import sys
import threading
import time

import pytest
from typing_extensions import Self

from lineitem.agent.common._stacks import Landmarks, can_sample
from lineitem.agent.worker._sampler import CpuClocks, Pace, Samples, look


class Spinner:
    """A thread that burns CPU inside a function that plays Dask's task runner."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.stop = False
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.runner)

    def runner(self) -> None:
        self.task()

    def task(self) -> None:
        self.started.set()
        while not self.stop:
            sum(range(100))

    def __enter__(self) -> Self:
        self.thread.start()
        self.started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop = True
        self.thread.join()


MARKS = Landmarks(frozenset([id(Spinner.runner.__code__)]))


def test_a_look_sees_tasks_and_nothing_else() -> None:
    codes: dict[int, object] = {}
    with Spinner("a") as spinner:
        idle = threading.Event()
        other = threading.Thread(target=idle.wait)
        other.start()
        try:
            active = {spinner.thread.ident or 0: "a", other.ident or 0: "stale", 12345: "gone"}
            seen = look(active, MARKS, codes)  # type: ignore[arg-type]
        finally:
            idle.set()
            other.join()
    assert [sighting.key for sighting in seen] == ["a"]
    assert any(code is Spinner.task.__code__ for code in codes.values())
    assert seen[0].runner in MARKS.runners


@pytest.mark.parametrize("enabled", [True, False])
def test_a_look_leaves_the_collector_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        look({}, MARKS, {})
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not number their clocks this way")
def test_cpu_clocks_are_those_of_the_threads() -> None:
    clocks = CpuClocks()
    with Spinner("a") as spinner:
        ident = spinner.thread.ident or 0
        assert clocks.delta_us(ident, 10**9) == 0, "the first reading has nothing to compare with"
        before = time.clock_gettime_ns(time.pthread_getcpuclockid(ident))
        time.sleep(0.3)
        used = clocks.delta_us(ident, 10**9)
        after = time.clock_gettime_ns(time.pthread_getcpuclockid(ident))
        assert used > 0
        # Both readings of the C library enclose or miss ours by the few statements in between.
        assert abs(used - (after - before) // 1000) < 50_000
        time.sleep(0.05)
        assert clocks.delta_us(ident, 7) <= 7
    assert clocks.delta_us(ident, 10**9) >= 0, "an ended thread is no error"
    assert clocks.delta_us(99, 10**9) == 0
    clocks.forget_ended()


def test_equal_stacks_add_up() -> None:
    samples = Samples()
    samples.add((1, "f", 3), "", [1, 2], 10, 4)
    samples.add((1, "f", 3), "", [1, 2], 5, 5)
    samples.add((2, "f", 3), "", [1, 2], 7, 0)
    samples.add((2, "f", 3), "g", [1, 2], 1, 1)
    assert samples.weights == {
        ((1, "f", 3), "", (1, 2)): [15, 9],
        ((2, "f", 3), "", (1, 2)): [7, 0],
        ((2, "f", 3), "g", (1, 2)): [1, 1],
    }


def test_looking_stays_within_its_share_whatever_it_costs() -> None:
    pace = Pace(20)
    assert pace.rate_hz == 20
    for _ in range(20):
        pace.account(50_000, 10)  # five milliseconds each
    assert pace.rate_hz == pytest.approx(1.0)
    pace.account(50_000, 10, nthreads=3)
    assert pace.rate_hz == pytest.approx(3.0)
    pace.account(50_000, 10, nthreads=64)
    assert pace.rate_hz == pytest.approx(4.0), "however large the worker: they all wait for one GIL"
    for _ in range(30):
        pace.account(1_000, 10)
    assert pace.rate_hz == 20
    pace.account(0, 0)
    assert pace.rate_hz == 20
    pace.want(0)
    assert pace.rate_hz == 0
    pace.want(10_000)
    assert pace.rate_hz <= 100


def test_free_threaded_builds_are_not_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert not can_sample()
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    assert can_sample()


def test_many_looks_with_many_threads_do_not_deadlock() -> None:
    """The lock order that CPython 3.11 got wrong needs collections during the call, and threads that come and go."""
    done = threading.Event()

    def churn() -> None:
        kept: list[object] = []
        while not done.is_set():
            kept.append([{} for _ in range(50)])
            del kept[:-100]

    threshold = gc.get_threshold()
    gc.set_threshold(10)
    threads = [threading.Thread(target=churn) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(20):
            look({thread.ident or 0: "k" for thread in threads}, MARKS, {})
            short = threading.Thread(target=os.getpid)
            short.start()
            short.join()
    finally:
        done.set()
        gc.set_threshold(*threshold)
        for thread in threads:
            thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
