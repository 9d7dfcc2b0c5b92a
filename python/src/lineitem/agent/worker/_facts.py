"""Facts about a worker and its tasks, read from where Dask keeps them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from dask.utils import key_split

from lineitem.agent.common._agreed import watched_process_id

if TYPE_CHECKING:
    from lineitem.agent.worker._ledger import Owner

MAX_NAME = 200
MAX_BACKDATE_US = 60_000_000
_MAX_ID = (1 << 63) - 1


def measured_us(ts: Any) -> int | None:
    """Return the time on the thread that Dask itself measured for a task that has just ended, in microseconds."""
    if ts is None:
        return None
    for action in ts.startstops[-1:-3:-1]:
        if action["action"] == "compute":
            return int((action["stop"] - action["start"]) * 1e6)
    return None


def read_stamp(stamp: Any) -> tuple[int, int]:
    """Return the submission and the origin that the scheduler's stamp on a task names; 0 for what it does not name."""
    numbers = stamp if isinstance(stamp, (list, tuple)) else (stamp, 0)
    if len(numbers) == 2:
        submission, origin = numbers
        # One by one, as this is done for every task.
        if (
            isinstance(submission, int)
            and isinstance(origin, int)
            and 0 <= submission <= _MAX_ID
            and 0 <= origin <= _MAX_ID
        ):
            return submission, origin
    return 0, 0


def owner_of(ts: Any, stamp: Any) -> Owner:
    """Return who pays for a task."""
    submission, origin = read_stamp(stamp)
    return submission, prefix_of(ts), origin


def prefix_of(ts: Any) -> str:
    prefix = getattr(ts, "prefix", None) or key_split(ts.key)
    return str(prefix)[:MAX_NAME]


def process_id(worker: Any, settings: dict[str, Any]) -> str:
    """Return the process id that Lineitem gave this worker; a worker that others started gets one made from its name."""
    given = os.environ.get("LINEITEM_PROCESS", "")
    if given and given != settings["scheduler_process"] and given.startswith(f"{settings['cluster']}-"):
        return given
    return watched_process_id(settings["cluster"], worker.name, worker.id)


def books_begin(worker: Any, now: int) -> int:
    """Return when the books begin: with the process, if the worker is fresh and the process is its own."""
    if not sys.platform.startswith("linux") or worker.state.transition_counter:
        return now
    if worker.nanny is None and "LINEITEM_PROCESS" not in os.environ:
        return now  # Possibly one of many workers in a process that is older than all of them.
    try:
        with open("/proc/self/stat", "rb") as stream:  # noqa: PTH123 - as plain as the file
            started = int(stream.read().rpartition(b")")[2].split()[19])
        age_us = int((time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")) * 1e6)
    except (OSError, ValueError, IndexError):
        return now
    return now - age_us if 0 < age_us <= MAX_BACKDATE_US else now


def spilled_bytes(worker: Any) -> int:
    spilled = getattr(worker.data, "spilled_total", None)
    return int(getattr(spilled, "disk", 0) or 0)
