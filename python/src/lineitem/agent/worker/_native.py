"""Native parallelism: CPU that a process uses beyond its tasks' own threads.

OpenMP, BLAS, Arrow and the like work in threads that Python does not know. A worker whose tasks use them looks idle
while it is not. The process' CPU time, less that of every thread that is accounted for elsewhere, is theirs.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from lineitem.agent.worker._sampler import CpuClocks

# Threads of Dask and of this package; their work is in the ledger, or it is overhead. Threads that tasks start
# themselves are not among them: they work for the task.
_OWN = ("IO loop", "Profile", "MainThread", "Nanny", "TCP-Executor", "AsyncProcess", "lineitem")
_POOLS = "Dask-"  # "<worker's name>-Dask-Default-Threads-…"
_LEAST_US = 1_000
_LEAST_SHARE = 50


class NativeCpu:
    """Measures native parallelism from one call to the next.

    Only where the system tells the CPU time of other threads, and the process holds one worker: else nobody knows whose
    CPU time it is.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    clocks
        The threads' CPU clocks.
    """

    def __init__(self, worker: Any, clocks: CpuClocks) -> None:
        self._clocks = clocks
        self._siblings = getattr(type(worker), "_instances", ())
        self._last_process = 0
        self._last: dict[int, int] = {}
        self._others: set[int] = set()
        self._carried_us = 0
        self._begun = False

    def take_us(self, busy: Collection[int], loop_thread: int, wall_us: int, *, running: bool) -> int:
        """Return the microseconds of native parallelism since the last call.

        Parameters
        ----------
        busy
            Threads that run tasks, whatever their names.
        loop_thread
            The event loop's.
        wall_us
            Time since the last call.
        running
            Whether anything runs for which threads could work.
        """
        if not sys.platform.startswith("linux") or len(self._siblings) > 1:
            return 0
        process = time.process_time_ns()
        own: dict[int, int] = {}
        others: set[int] = set()
        for thread in threading.enumerate():
            native = thread.native_id
            if native is None:
                continue
            name = thread.name
            if thread.ident in busy or thread.ident == loop_thread or name.startswith(_OWN) or _POOLS in name:
                total = self._clocks.total_ns(native)
                if total is not None:
                    own[native] = total
            else:
                others.add(native)
        used = process - self._last_process
        for native, total in own.items():
            # One that is new began its life since then, unless it was there and has only now come to run a task.
            used -= total - self._last.get(native, total if native in self._others else 0)
        gone = len(self._last.keys() - own.keys())
        self._last_process, self._last, self._others = process, own, others
        if not self._begun:
            self._begun = True
            return 0
        # What a thread did in the moments before it ended cannot be read any more. Little is kept for later: alone it
        # could be the clocks' imprecision, which evens out.
        us = used // 1000 - gone * wall_us + self._carried_us
        if running and us > max(_LEAST_US, wall_us // _LEAST_SHARE):
            self._carried_us = 0
            return us
        self._carried_us = max(-wall_us, us if running else min(0, us))
        return 0
