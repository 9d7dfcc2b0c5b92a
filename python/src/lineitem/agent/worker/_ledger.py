"""Exact slot-time of one worker, in integer microseconds.

The ledger is pure: time comes in as numbers, nothing here reads a clock. Its one law is conservation. Between two
window boundaries ``capacity * time`` equals the slot-time of all entries plus their native parallelism plus all idle
time, to the microsecond. It holds by construction, because every advance hands out exactly ``capacity * dt``, and native
parallelism is only ever taken from what was idle.

More entries than threads (seceded tasks, actors) share the capacity evenly. Instead of touching each entry at each
event, the ledger keeps a *virtual clock*: the slot-time that an entry open since the start would have got. An entry's
slot-time is the difference of that clock between its end and its begin, so an event costs the same for one entry as
for a hundred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

DONE = "done"
FAILED = "failed"

#: Who pays: submission, task prefix, origin.
Owner = tuple[int, str, int]


class Entry:
    """One occupied slot: a task on a thread, or an actor's method.

    Parameters
    ----------
    owner
        Who is charged for it.
    opened_us
        When it began, on the ledger's clock.
    opened_v
        The virtual clock at that time.
    """

    __slots__ = ("charged_us", "on_thread_us", "opened_us", "owner", "seen_v")

    def __init__(self, owner: Owner, opened_us: int, opened_v: int) -> None:
        self.owner = owner
        self.opened_us = opened_us
        self.seen_v = opened_v
        self.charged_us = 0
        #: When it was last seen on a thread, on the ledger's clock; 0 if it never was.
        self.on_thread_us = 0


class Window:
    """What one closed window holds: the ledger rows, the idle time, and the running totals of the epoch.

    A row is ``[slot_us, thread_us, done, failed, native_us]``.
    """

    __slots__ = (
        "capacity_us",
        "cum_capacity_us",
        "cum_idle_us",
        "cum_native_us",
        "cum_slot_us",
        "idle",
        "nthreads",
        "rows",
        "t0",
        "t1",
    )

    def __init__(self, ledger: Ledger) -> None:
        self.t0 = ledger.window_start
        self.t1 = ledger.now
        self.nthreads = ledger.nthreads
        self.rows = ledger.rows
        self.idle = ledger.idle
        self.capacity_us = (self.t1 - self.t0) * self.nthreads
        self.cum_capacity_us = ledger.cum_capacity_us
        self.cum_slot_us = ledger.cum_slot_us
        self.cum_native_us = ledger.cum_native_us
        self.cum_idle_us = ledger.cum_idle_us


class Ledger:
    """The books of one worker.

    Parameters
    ----------
    nthreads
        Threads of the worker.
    now
        Begin of the first window, in microseconds of any monotonic clock.
    """

    def __init__(self, nthreads: int, now: int) -> None:
        self.nthreads = nthreads
        self.now = now
        self.window_start = now
        self.entries: dict[Any, Entry] = {}
        self.rows: dict[Owner, list[int]] = {}
        self.idle: dict[str, int] = {}
        self.cum_capacity_us = 0
        self.cum_slot_us = 0
        self.cum_native_us = 0
        self.cum_idle_us = 0
        self._virtual = 0
        self._owed = 0
        self._pending_idle = 0

    def advance(self, now: int) -> None:
        """Hand out the capacity between the last event and ``now``. A clock that stands or runs back is ignored."""
        dt = now - self.now
        if dt <= 0:
            return
        self.now = now
        running = len(self.entries)
        if running <= self.nthreads:
            self._virtual += dt
            self._pending_idle += (self.nthreads - running) * dt
            return
        # Each entry gets the same whole number of microseconds; the remainder waits for the next advance.
        self._owed += self.nthreads * dt
        share = self._owed // running
        self._virtual += share
        self._owed -= share * running

    def begin(self, key: Hashable, owner: Owner, now: int) -> None:
        """Open an entry. One that is open already stays as it is."""
        if key in self.entries:
            return
        self.advance(now)
        self.entries[key] = Entry(owner, self.now, self._virtual)

    def end(self, key: Hashable, now: int, thread_us: int | None, outcome: str) -> None:
        """Close an entry.

        Parameters
        ----------
        key
            The entry's key; an unknown one is ignored.
        now
            When it ended.
        thread_us
            Time on the thread over the whole life of the entry, ``None`` if nobody measured it: then the whole rest
            of its slot-time counts as time on the thread.
        outcome
            ``DONE``, ``FAILED``, or anything else for neither.
        """
        entry = self.entries.get(key)
        if entry is None:
            return
        self.advance(now)
        del self.entries[key]
        self._settle_owed()
        row = self._charge(entry, thread_us)
        if outcome == DONE:
            row[2] += 1
        elif outcome == FAILED:
            row[3] += 1

    def saw(self, keys: Iterable[Hashable], now: int) -> None:
        """Note which entries are on a thread at a moment; a key without an entry is ignored."""
        for key in keys:
            entry = self.entries.get(key)
            if entry is not None:
                entry.on_thread_us = now

    def attribute_native(self, us: int) -> int:
        """Give native parallelism to the running entries, evenly: at most the idle time that has no reason yet.

        Returns
        -------
        int
            What was given.
        """
        given = min(us, self._pending_idle)
        if given <= 0 or not self.entries:
            return 0
        self._pending_idle -= given
        share, rest = divmod(given, len(self.entries))
        for number, entry in enumerate(self.entries.values()):
            us = share + (number < rest)
            if us:
                self._row(entry.owner)[4] += us
        return given

    def attribute_idle(self, reason: str) -> None:
        """Give the idle time since the last call a reason."""
        if self._pending_idle:
            self.idle[reason] = self.idle.get(reason, 0) + self._pending_idle
            self._pending_idle = 0

    def close_window(
        self, now: int, reason: str, elapsed: Callable[[Any, Entry], int | None], nthreads: int | None = None
    ) -> Window:
        """End the window at ``now`` and begin the next one there.

        Parameters
        ----------
        now
            End of the window.
        reason
            For idle time that has none yet.
        elapsed
            Time on the thread so far of an open entry, in microseconds; ``None`` if it is not on a thread.
        nthreads
            Capacity of the next window, if it changes.
        """
        self.advance(now)
        self._settle_owed()
        for key, entry in self.entries.items():
            so_far = elapsed(key, entry)
            self._charge(entry, 0 if so_far is None else so_far)
        self.attribute_idle(reason)
        self.cum_capacity_us += (self.now - self.window_start) * self.nthreads
        self.cum_slot_us += sum(row[0] for row in self.rows.values())
        self.cum_native_us += sum(row[4] for row in self.rows.values())
        self.cum_idle_us += sum(self.idle.values())
        window = Window(self)
        self.window_start = self.now
        self.rows = {}
        self.idle = {}
        if nthreads is not None:
            self.nthreads = nthreads
        return window

    def _charge(self, entry: Entry, thread_us: int | None) -> list[int]:
        """Book the slot-time of an entry since it was last booked, and the thread-time that is new in it."""
        slot = self._virtual - entry.seen_v
        entry.seen_v = self._virtual
        thread = slot if thread_us is None else max(0, min(slot, thread_us - entry.charged_us))
        entry.charged_us += thread
        row = self._row(entry.owner)
        row[0] += slot
        row[1] += thread
        return row

    def _row(self, owner: Owner) -> list[int]:
        row = self.rows.get(owner)
        if row is None:
            row = self.rows[owner] = [0, 0, 0, 0, 0]
        return row

    def _settle_owed(self) -> None:
        """Book what could not be shared evenly (less than a microsecond per entry) as idle."""
        self._pending_idle += self._owed
        self._owed = 0
