from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from lineitem.agent.worker._ledger import DONE, FAILED, Entry, Ledger, Owner, Window


def owner(number: int) -> Owner:
    return number % 3, f"p{number % 2}", number % 5


def nothing(_key: Any, _entry: Entry) -> int | None:
    return None


def whole(window: Window) -> int:
    return sum(row[0] + row[4] for row in window.rows.values()) + sum(window.idle.values())


def test_one_task_one_thread() -> None:
    ledger = Ledger(2, 1_000)
    ledger.begin("a", (7, "inc", 0), 1_100)
    ledger.end("a", 1_400, 250, DONE)
    window = ledger.close_window(2_000, "no_work", nothing)
    assert window.rows == {(7, "inc", 0): [300, 250, 1, 0, 0]}
    assert window.idle == {"no_work": 1_700}
    assert whole(window) == window.capacity_us == 2_000


def test_a_running_task_is_charged_in_each_window_it_spans() -> None:
    ledger = Ledger(1, 0)
    ledger.begin("a", (1, "f", 0), 100)
    first = ledger.close_window(1_000, "no_work", lambda _key, _entry: 850)
    second = ledger.close_window(2_000, "no_work", lambda _key, _entry: 1_850)
    ledger.end("a", 2_500, 2_320, FAILED)
    third = ledger.close_window(3_000, "no_work", nothing)
    assert first.rows == {(1, "f", 0): [900, 850, 0, 0, 0]}
    assert second.rows == {(1, "f", 0): [1_000, 1_000, 0, 0, 0]}
    assert third.rows == {(1, "f", 0): [500, 470, 0, 1, 0]}
    assert (third.cum_capacity_us, third.cum_slot_us, third.cum_idle_us) == (3_000, 2_400, 600)


def test_thread_time_that_was_overestimated_is_not_taken_back_twice() -> None:
    ledger = Ledger(1, 0)
    ledger.begin("a", (1, "f", 0), 0)
    ledger.close_window(1_000, "x", lambda _key, _entry: 1_000)
    ledger.end("a", 1_500, 900, DONE)
    assert ledger.close_window(1_500, "x", nothing).rows == {(1, "f", 0): [500, 0, 1, 0, 0]}


def test_more_tasks_than_threads_share_the_capacity_evenly() -> None:
    ledger = Ledger(2, 0)
    for key in "abc":
        ledger.begin(key, (1, key, 0), 0)
    window = ledger.close_window(100, "no_work", nothing)
    assert [window.rows[1, key, 0][0] for key in "abc"] == [66, 66, 66]
    assert window.idle == {"no_work": 2}


def test_native_parallelism_is_taken_from_idle_slots_and_shared_by_what_runs() -> None:
    ledger = Ledger(4, 0)
    assert ledger.attribute_native(10) == 0
    for key in "ab":
        ledger.begin(key, (1, key, 0), 0)
    ledger.advance(1_000)
    assert ledger.attribute_native(501) == 501
    assert ledger.attribute_native(5_000) == 1_499, "no more than what was idle"
    assert ledger.attribute_native(5_000) == 0
    window = ledger.close_window(2_000, "no_work", nothing)
    assert window.rows == {(1, "a", 0): [2_000, 0, 0, 0, 1_001], (1, "b", 0): [2_000, 0, 0, 0, 999]}
    assert window.idle == {"no_work": 2_000}
    assert (window.cum_native_us, whole(window)) == (2_000, 8_000)


def test_idle_time_gets_the_reason_that_held_when_it_passed() -> None:
    ledger = Ledger(1, 0)
    ledger.advance(300)
    ledger.attribute_idle("starting")
    ledger.advance(500)
    ledger.attribute_idle("no_work")
    assert ledger.close_window(600, "closing", nothing).idle == {"starting": 300, "no_work": 200, "closing": 100}


def test_a_clock_that_runs_back_changes_nothing() -> None:
    ledger = Ledger(1, 1_000)
    ledger.begin("a", (1, "f", 0), 900)
    ledger.end("a", 800, None, DONE)
    ledger.end("unknown", 700, None, DONE)
    window = ledger.close_window(500, "no_work", nothing)
    assert (window.t0, window.t1, whole(window)) == (1_000, 1_000, 0)


def test_the_number_of_threads_changes_between_windows() -> None:
    ledger = Ledger(1, 0)
    assert whole(ledger.close_window(100, "no_work", nothing, nthreads=4)) == 100
    assert whole(ledger.close_window(200, "no_work", nothing)) == 400


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_or_doubled_whatever_happens(seed: int) -> None:
    """Random histories against exact arithmetic: conservation to the microsecond, shares within rounding."""
    dice = random.Random(seed)
    nthreads = dice.randint(1, 4)
    now = dice.randint(0, 10**15)
    ledger = Ledger(nthreads, now)
    running: dict[str, Fraction] = {}
    expected: dict[Owner, Fraction] = {}
    booked: dict[Owner, int] = {}
    native = 0
    events = 0
    total_capacity = total_booked = 0
    start = now
    for step in range(400):
        dt = dice.choice([0, 1, 2, 3, 7, 1_000, 1_000_003])
        now += dt
        for key in running:
            row = owner(int(key))
            share = Fraction(dt * min(nthreads, len(running)), len(running))
            expected[row] = expected.get(row, Fraction(0)) + share
        events += 1
        move = dice.random()
        if move < 0.45 and len(running) < 9:
            running[str(step)] = Fraction(0)
            ledger.begin(str(step), owner(step), now)
        elif move < 0.8 and running:
            key = dice.choice(sorted(running))
            del running[key]
            ledger.end(key, now, dice.choice([None, 0, 5, 10**9]), dice.choice([DONE, FAILED, ""]))
        elif move < 0.9:
            ledger.advance(now)
            native += ledger.attribute_native(dice.choice([0, 1, 5, 10**6, 10**12]))
            ledger.attribute_idle(dice.choice(["no_work", "paused"]))
        else:
            window = ledger.close_window(now, "no_work", lambda _k, _e: dice.choice([None, 3, 10**7]))
            assert whole(window) == window.capacity_us == nthreads * (window.t1 - window.t0)
            for name, (slot, thread, _, _, own_native) in window.rows.items():
                assert 0 <= thread <= slot
                assert own_native >= 0
                booked[name] = booked.get(name, 0) + slot
            total_capacity += window.capacity_us
            total_booked += whole(window)
            cum = window.cum_slot_us + window.cum_native_us + window.cum_idle_us
            assert (window.cum_capacity_us, cum) == (total_capacity, total_booked)
    last = ledger.close_window(now, "no_work", nothing)
    for name, (slot, *_) in last.rows.items():
        booked[name] = booked.get(name, 0) + slot
    assert last.cum_capacity_us == nthreads * (now - start)
    assert last.cum_native_us == native
    for row, exact in expected.items():
        assert abs(booked.get(row, 0) - exact) <= 2 * events
