"""When to look at the threads: at random moments, and without being misled by who lets go of the interpreter's lock.

A sampler that is a Python thread wakes at a random moment, but sees the others only once it holds the GIL; and it gets
the GIL where another thread lets go of it. In a tight loop that is always the same line: one that releases the GIL (a
NumPy operation, a short read) was charged with all of its neighbours.

So a tap first tells whether the GIL was *free* on waking (the kernel counts how often this thread had to wait). If it was, what is
seen is what was there at that moment. If it was held for longer than Python's switch interval, the thread was made to
let go, and stands where it was stopped. Only in between has it come to the place where it lets go by itself. Then a
second tap follows: for a few milliseconds the switch interval is tiny, so that a thread is stopped nearly where it is,
and a moment is taken at which the GIL is held again.

The user's switch interval is put back at once. See ``docs/decisions/0010-two-taps.md``.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from typing import Any

_ALONE_S = 0.000_02
_CROWD_S = 0.000_1
_LONGEST_S = 0.003
_TRIES = 6
_FORCED = 0.98
_LATE_S = 0.000_5
_SLICE_S = 0.1

# Share of the time in which the switch interval may be tiny. Alone on the GIL nobody notices; several threads that
# compete for it would switch more often than they like.
_SHARE_ALONE = 0.15
_SHARE_CROWD = 0.03
_SAVED_S = 1.0

FREE = "free"
FORCED = "forced"
RELEASED = "released"


class Arrivals:
    """The moments of looking: a random schedule that does not depend on what is seen.

    Each arrival stands for the time since the one before, and so does its weight. Arrivals that passed while the
    sampler was waiting for the GIL count as well: their moments found the GIL held.

    Parameters
    ----------
    now
        Begin, in microseconds.
    """

    def __init__(self, now: int) -> None:
        self._last = now
        self._due = now

    def plan(self, now: int, rate_hz: float) -> int:
        """Return the time of the next arrival."""
        if self._due <= self._last:
            self._due = self._last + self._gap(rate_hz)
        if self._due <= now:
            # It passed while the agent was busy with something else: nobody knows what was there.
            self._due = now + int(random.random() * 1e6 / rate_hz)  # noqa: S311 - jitter, not secrecy
        return self._due

    def take(self, now: int, rate_hz: float) -> int:
        """Return the weight of the arrivals that are due, in microseconds; 0 if none is."""
        if now < self._due:
            return 0
        weight = self._due - self._last
        self._last = self._due
        while True:
            gap = self._gap(rate_hz)
            if self._last + gap > now:
                self._due = self._last + gap
                return weight
            weight += gap
            self._last += gap

    def restart(self, now: int, rate_hz: float) -> None:
        """Begin anew, after a time without work: at a random moment from now on, and not at once.

        Otherwise short tasks would always be caught on their first line.
        """
        gap = int(1e6 / rate_hz)
        self._due = now + int(random.random() * gap)  # noqa: S311 - jitter, not secrecy
        self._last = self._due - gap

    @staticmethod
    def _gap(rate_hz: float) -> int:
        return max(1, int(random.uniform(0.5, 1.5) * 1e6 / rate_hz))  # noqa: S311 - jitter, not secrecy


class Taps:
    """Sleeps, and knows how the GIL was come by afterwards. To be used by one thread.

    Parameters
    ----------
    now
        Begin, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._resource = _resource_module()
        self._saved_s = 0.0
        self._saved_at = now

    @staticmethod
    def sharpen() -> None:
        """Ask the kernel to wake this thread in time: by default it may be 50 microseconds late."""
        try:
            # Of this thread only, whose number is a folder of its own.
            with open(f"/proc/{threading.get_native_id()}/timerslack_ns", "w") as stream:  # noqa: PTH123 - as plain as the file
                stream.write("1")
        except OSError:
            pass

    def sleep_until(self, when: float, wake: threading.Event) -> str | None:
        """Sleep; return how the GIL was come by, ``None`` if ``wake`` was set before that time.

        Parameters
        ----------
        when
            On ``time.monotonic``.
        wake
            Looked at for as long as the time is not near.
        """
        left = when - time.monotonic()
        if left > _SLICE_S and wake.wait(left - _SLICE_S / 2):
            return None
        left = when - time.monotonic()
        if left <= 0:
            return FREE
        waits = self._waits()
        time.sleep(left)
        late = time.monotonic() - when
        # It waits once for the sleep itself.
        held = late > _LATE_S if waits is None else (self._waits() or 0) - waits > 1
        if not held:
            return FREE
        return FORCED if late >= _FORCED * sys.getswitchinterval() else RELEASED

    def again(self, *, crowd: bool) -> bool:
        """Sleep for moments until the GIL is held on waking and was given up quickly; tell whether that succeeded.

        The caller looks at the threads right afterwards.

        Parameters
        ----------
        crowd
            Whether several threads compete for the GIL.
        """
        interval = sys.getswitchinterval()
        begun = time.monotonic()
        sys.setswitchinterval(min(interval, _CROWD_S if crowd else _ALONE_S))
        try:
            for _ in range(_TRIES):
                pause = random.random() * _LONGEST_S  # noqa: S311 - jitter, not secrecy
                waits, before = self._waits(), time.monotonic()
                time.sleep(pause)
                if waits is None:
                    held = time.monotonic() - before - pause > _CROWD_S
                else:
                    held = (self._waits() or 0) - waits > 1
                if held:
                    return True
            return False
        finally:
            sys.setswitchinterval(interval)
            self._saved_s -= time.monotonic() - begun

    def affordable(self, now: float, *, crowd: bool) -> bool:
        """Tell whether the switch interval may be tiny once more."""
        share = _SHARE_CROWD if crowd else _SHARE_ALONE
        self._saved_s = min(_SAVED_S * share, self._saved_s + (now - self._saved_at) * share)
        self._saved_at = now
        return self._saved_s > 0

    def _waits(self) -> int | None:
        """Return how often this thread has waited for anything, ``None`` where the system does not tell that of one thread."""
        if self._resource is None:
            return None
        count: int = self._resource.getrusage(self._resource.RUSAGE_THREAD).ru_nvcsw
        return count


def _resource_module() -> Any:
    # Imported where it is used: this module travels by value, and not to every system's workers.
    try:
        import resource
    except ImportError:
        return None
    return resource if hasattr(resource, "RUSAGE_THREAD") else None
