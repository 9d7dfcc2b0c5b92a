from __future__ import annotations

import random
import sys
import threading
import time
from statistics import mean

import pytest

from lineitem.agent.worker._taps import FREE, Arrivals, Taps


@pytest.mark.parametrize("seed", range(10))
def test_arrivals_weigh_all_the_time_that_passes_and_nothing_twice(seed: int) -> None:
    random.seed(seed)
    dice = random.Random(seed)
    arrivals = Arrivals(1_000)
    now, total, first = 1_000, 0, None
    for _ in range(2_000):
        due = arrivals.plan(now, 20)
        assert due >= now
        assert arrivals.take(due - 1, 20) == 0
        now = due + dice.choice([0, 50, 5_000, 300_000])  # late, as when somebody holds the GIL
        weight = arrivals.take(now, 20)
        assert 0 < weight <= now - 1_000
        first = first or now - weight
        total += weight
    assert abs(total - (now - 1_000)) < 200_000


def test_arrivals_do_not_depend_on_what_is_seen() -> None:
    random.seed(7)
    arrivals = Arrivals(0)
    gaps, now = [], 0
    for _ in range(4_000):
        before = now
        now = arrivals.plan(now, 50)
        arrivals.take(now, 50)
        gaps.append(now - before)
    assert mean(gaps) == pytest.approx(20_000, rel=0.03)
    assert min(gaps) >= 9_999
    assert max(gaps) <= 30_001


def test_after_a_rest_the_first_look_is_at_a_random_moment() -> None:
    random.seed(3)
    arrivals = Arrivals(0)
    starts = []
    for number in range(500):
        begin = 10_000_000 * (number + 1)
        arrivals.restart(begin, 20)
        due = arrivals.plan(begin, 20)
        starts.append(due - begin)
        assert arrivals.take(due, 20) == 50_000
    assert 0 <= min(starts) < 5_000
    assert 45_000 < max(starts) < 50_000
    assert mean(starts) == pytest.approx(25_000, rel=0.15)


def test_a_free_gil_is_known_as_such() -> None:
    taps = Taps(time.monotonic())
    found = [taps.sleep_until(time.monotonic() + 0.002, threading.Event()) for _ in range(50)]
    assert found.count(FREE) > 40
    assert taps.sleep_until(time.monotonic() - 1, threading.Event()) == FREE


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count the waits of one thread")
def test_a_held_gil_is_known_as_such_and_the_switch_interval_comes_back() -> None:
    stop = threading.Event()

    def hold() -> None:
        while not stop.is_set():
            sum(range(2_000))

    before = sys.getswitchinterval()
    holder = threading.Thread(target=hold)
    holder.start()
    try:
        taps = Taps(time.monotonic())
        taps.sharpen()
        found = [taps.sleep_until(time.monotonic() + 0.002, threading.Event()) for _ in range(50)]
        assert found.count(FREE) < 25
        assert sum(taps.again(crowd=False) for _ in range(20)) > 10
        assert sys.getswitchinterval() == before
    finally:
        stop.set()
        holder.join()


def test_a_wish_to_wake_ends_a_long_sleep() -> None:
    wake = threading.Event()
    wake.set()
    begun = time.monotonic()
    assert Taps(begun).sleep_until(begun + 60, wake) is None
    assert time.monotonic() - begun < 30


def test_the_tiny_interval_is_rare_where_threads_compete() -> None:
    taps = Taps(0.0)
    assert not taps.affordable(0.0, crowd=True)
    assert taps.affordable(1.0, crowd=True)
    taps._saved_s -= 0.02  # that long it was tiny
    assert taps.affordable(1.0, crowd=True)
    taps._saved_s -= 0.02
    assert not taps.affordable(1.0, crowd=True)
    assert not taps.affordable(1.1, crowd=True)
    assert taps.affordable(2.0, crowd=True)
    assert taps.affordable(1_000.0, crowd=True)
    taps._saved_s -= 0.05
    assert not taps.affordable(1_000.0, crowd=True), "nothing is saved up for long"
