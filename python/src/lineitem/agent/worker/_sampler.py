"""One look at the threads: where each task's thread stands, and how much CPU it used since the last look.

A sample weighs the time that it stands for (``_taps.Arrivals``), not one: a thread that holds the GIL delays the look,
and the delay belongs to the line that caused it. Counting samples instead understates such lines by a factor of seven.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from typing import TYPE_CHECKING

from lineitem.agent.common._stacks import walk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

    from lineitem.agent.common._stacks import Landmarks
    from lineitem.agent.worker._ledger import Owner

# CPython 3.11 can deadlock when a collection runs inside sys._current_frames (gh-106883).
_GUARD_GC = sys.version_info[:2] == (3, 11)

# However many threads a worker has: this share of one core is the most, for they all wait for one GIL.
_MAX_CORE = 0.02

SampleKey = tuple["Owner", str, tuple[int, ...]]


class CpuClocks:
    """CPU time of other threads of this process.

    ``time.pthread_getcpuclockid`` reads the memory of a thread that may just have ended, which can crash the process.
    The clock's number can be made from the kernel's thread id instead; for a thread that has ended, the kernel then
    answers with an error. Only Linux numbers its clocks that way; elsewhere CPU time stays 0.
    """

    def __init__(self) -> None:
        self._enabled = sys.platform == "linux"
        self._clocks: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def delta_us(self, ident: int, at_most: int) -> int:
        """Return the microseconds of CPU that a thread used since the last call for it, bounded by ``at_most``."""
        if not self._enabled:
            return 0
        now = self._read(ident)
        if now is None:
            return 0
        last = self._last.get(ident)
        self._last[ident] = now
        if last is None:
            return 0
        return max(0, min(at_most, (now - last) // 1000))

    def total_ns(self, native_id: int) -> int | None:
        """Return all the CPU time of a thread of this process, ``None`` where the system does not tell it."""
        if not self._enabled:
            return None
        try:
            return time.clock_gettime_ns(_clock_of(native_id))
        except OSError:
            return None

    def forget_ended(self) -> None:
        """Drop what is known of threads that no longer exist."""
        alive = {thread.ident for thread in threading.enumerate()}
        for ident in self._clocks.keys() - alive:
            self._clocks.pop(ident, None)
            self._last.pop(ident, None)

    def _read(self, ident: int) -> int | None:
        clock = self._clocks.get(ident)
        if clock is not None:
            try:
                return time.clock_gettime_ns(clock)
            except OSError:
                # The thread has ended and another one has its identifier.
                self._clocks.pop(ident, None)
                self._last.pop(ident, None)
        for thread in threading.enumerate():
            if thread.ident == ident and thread.native_id is not None:
                clock = _clock_of(thread.native_id)
                try:
                    now = time.clock_gettime_ns(clock)
                except OSError:
                    return None
                self._clocks[ident] = clock
                return now
        return None


def _clock_of(native_id: int) -> int:
    return (~native_id << 3) | 6  # per thread, scheduler's clock


class Sighting:
    """A task's thread as one tick saw it: its stack and part (see ``common._stacks.walk``) and whose runner is below it."""

    __slots__ = ("ident", "key", "part", "runner", "stack")

    def __init__(self, ident: int, key: object, part: str, stack: list[int], runner: int) -> None:
        self.ident = ident
        self.key = key
        self.part = part
        self.stack = stack
        self.runner = runner


def look(active: Mapping[int, object], marks: Landmarks, codes: dict[int, CodeType]) -> list[Sighting]:
    """Look at the threads that Dask says are running a task.

    A thread whose stack holds no task runner is left out: Dask forgets to clear its table when an actor's method
    raises, and an idle thread must not be charged.
    """
    if _GUARD_GC and gc.isenabled():
        gc.disable()
        try:
            frames = sys._current_frames()
        finally:
            gc.enable()
    else:
        frames = sys._current_frames()
    seen: list[Sighting] = []
    for ident, key in active.items():
        stack, part, runner = walk(frames.get(ident), marks, codes)
        if runner:
            seen.append(Sighting(ident, key, part, stack, runner))
    # A frame that stays referenced keeps its thread's local variables alive.
    frames.clear()
    return seen


class Samples:
    """Weighted samples of one window, by owner, part of a fused task, and stack."""

    def __init__(self) -> None:
        self.weights: dict[SampleKey, list[int]] = {}
        self.size = 0

    def add(self, owner: Owner, part: str, stack: list[int], wall_us: int, cpu_us: int) -> None:
        """Add one sample."""
        key = (owner, part, tuple(stack))
        weight = self.weights.get(key)
        if weight is None:
            self.weights[key] = [wall_us, cpu_us]
            self.size += 16 + 3 * len(stack)
        else:
            weight[0] += wall_us
            weight[1] += cpu_us


class Pace:
    """How often to look: the wanted rate, less where looking costs too much.

    Parameters
    ----------
    rate_hz
        The wanted rate; 0 means never.
    budget
        Share of the worker's capacity that looking may use.
    """

    def __init__(self, rate_hz: float, budget: float = 0.005) -> None:
        self._wanted = rate_hz
        self._budget = budget
        self._cost_us = 0.0
        self._limit_hz = float("inf")

    @property
    def rate_hz(self) -> float:
        """The rate in force."""
        if self._wanted <= 0:
            return 0.0
        return max(1.0, min(self._wanted, self._limit_hz))

    def want(self, rate_hz: float) -> None:
        """Set the wanted rate."""
        self._wanted = max(0.0, min(100.0, rate_hz))

    def account(self, cpu_us: int, looks: int, nthreads: int = 1) -> None:
        """Adapt to what some looks have cost."""
        if looks <= 0:
            return
        cost = cpu_us / looks
        # Half of it is the past: a single dear moment (a cold cache, an import) is not what looks cost.
        self._cost_us = cost if not self._cost_us else (self._cost_us + cost) / 2
        self._limit_hz = min(self._budget * nthreads, _MAX_CORE) * 1e6 / max(1.0, self._cost_us)
