"""Work for the clusters under test: importable on workers, and free of the package under test."""

from __future__ import annotations

import time

from distributed import get_client, secede


def busy(seconds: float, number: int) -> int:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1_000))
    return number


def fail(number: int) -> int:
    time.sleep(0.05)
    raise ValueError(number)


def step_aside(number: int) -> int:
    secede()
    time.sleep(1.0)
    return number


def nested(number: int) -> int:
    with_client = get_client()
    future = with_client.submit(busy, 0.1, -number, pure=False)
    secede()
    return int(future.result())


class Counting:
    def __init__(self) -> None:
        self.count = 0

    def spin(self, seconds: float) -> int:
        self.count += 1
        return busy(seconds, self.count)

    def broken(self) -> None:
        raise ValueError("an actor's method may fail")


def total(numbers: list[int]) -> int:
    return sum(numbers)
