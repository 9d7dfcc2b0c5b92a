"""What the process of a worker uses: memory, CPU, transfers, disk and GPUs, looked at once a second.

Of each window: gauges as they are at its end, peaks within it, and differences of counters. What cannot be read is
absent, never 0.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from lineitem.agent.worker._nvml import GpuWatch, may_have_gpus

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_US = 1_000_000
_MAX_TRANSFERS = 10_000


class ProcessFiles:
    """Memory and disk of this process, from Linux's own books; elsewhere memory alone, as Dask reads it.

    Parameters
    ----------
    fallback
        Returns the resident bytes where there is no such file.
    """

    def __init__(self, fallback: Callable[[], int]) -> None:
        self._fallback = fallback
        self._page = os.sysconf("SC_PAGE_SIZE") if sys.platform.startswith("linux") else 0
        self._statm = self._open("/proc/self/statm")
        self._io = self._open("/proc/self/io")

    def _open(self, path: str) -> int:
        """Open a file to be read again and again; that is cheaper than opening it each time."""
        if not self._page:
            return -1
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1  # some containers forbid it

    def rss(self) -> int | None:
        """Return the resident bytes."""
        try:
            if self._statm >= 0:
                return int(os.pread(self._statm, 256, 0).split()[1]) * self._page
            return self._fallback()
        except (OSError, ValueError, IndexError):
            return None

    def disk(self) -> tuple[int, int] | None:
        """Return the bytes read from and written to storage since the process began; caches are not storage."""
        if self._io < 0:
            return None
        try:
            rows = dict(row.split(b": ") for row in os.pread(self._io, 1024, 0).splitlines())
            return int(rows[b"read_bytes"]), int(rows[b"write_bytes"])
        except (OSError, ValueError, KeyError):
            return None

    def close(self) -> None:
        """Close the files."""
        for name in ("_statm", "_io"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)


def peak_rss() -> int:
    """Return the largest resident memory that the process ever had, 0 if it is not known."""
    try:
        import resource

        # In kilobytes, but for macOS.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    except (ImportError, OSError):
        return 0


class Transfers:
    """Bytes that came from and went to other workers.

    Dask counts what it sent, but not what it received: that is in a log, whose new entries are counted.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    """

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        log = worker.transfer_incoming_log
        self._last = log[-1] if log else None
        self._sent = int(worker.transfer_outgoing_bytes_total)

    def sent(self) -> int:
        """Return the bytes sent since the last call."""
        before, self._sent = self._sent, int(self._worker.transfer_outgoing_bytes_total)
        return max(0, self._sent - before)

    def received(self) -> int:
        """Return the bytes received since the last call."""
        log = self._worker.transfer_incoming_log
        total = 0
        newest = seen = None
        # The event loop may append meanwhile, so one entry may come up twice in a row.
        for back in range(1, min(len(log), _MAX_TRANSFERS) + 1):
            try:
                entry = log[-back]
            except IndexError:
                break
            newest = entry if newest is None else newest
            if entry is self._last:
                break
            if entry is not seen:
                total += int(entry["total"])
            seen = entry
        if newest is not None:
            self._last = newest
        return total


class Resources:
    """The resources of a worker's process.

    All calls are made by the agent's thread; ``tick`` may be called as often as wished.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    spilled
        Returns the bytes that a worker has on disk.
    gpus
        Looks at the devices; else it is found out whether there are any.
    """

    def __init__(self, worker: Any, spilled: Callable[[Any], int], gpus: GpuWatch | None = None) -> None:
        self._worker = worker
        self._spilled = spilled
        self._files = ProcessFiles(lambda: int(worker.monitor.proc.memory_info().rss))
        self._transfers = Transfers(worker)
        self._cpu_ns = time.process_time_ns()
        self._disk = self._files.disk()
        self._ever = peak_rss()
        self._peak = 0
        self._received = 0
        self._next_us = 0
        if gpus is None and may_have_gpus():
            gpus = GpuWatch()
        self._gpus = gpus
        if gpus is not None:
            gpus.start()

    def tick(self, now_us: int) -> None:
        """Look, if a second has gone by since the last time. Some 10 us, else nothing."""
        if now_us < self._next_us:
            return
        self._next_us = now_us + _EVERY_US
        self._peak = max(self._peak, self._files.rss() or 0)
        self._received += self._transfers.received()

    def window(self) -> dict[str, Any]:
        """Return ``res`` of a batch and begin a new window."""
        worker = self._worker
        rss = self._files.rss()
        # A new record of the process was set in this window, even if no look has caught it.
        ever = peak_rss()
        if ever > self._ever:
            self._ever = ever
            self._peak = max(self._peak, ever)
        cpu_ns = time.process_time_ns()
        found: dict[str, Any] = {
            "managed_bytes": int(worker.state.nbytes),
            "spilled_bytes": self._spilled(worker),
            "cpu_us": (cpu_ns - self._cpu_ns) // 1000,
            "transfer_in_bytes": self._received + self._transfers.received(),
            "transfer_out_bytes": self._transfers.sent(),
        }
        self._cpu_ns = cpu_ns
        self._received = 0
        if rss is not None:
            found["rss_bytes"] = rss
            found["rss_peak_bytes"] = max(rss, self._peak)
        self._peak = 0
        limit = getattr(getattr(worker, "memory_manager", None), "memory_limit", None)
        if limit:
            found["memory_limit_bytes"] = int(limit)
        disk = self._files.disk()
        if disk is not None and self._disk is not None:
            found["disk_read_bytes"] = max(0, disk[0] - self._disk[0])
            found["disk_write_bytes"] = max(0, disk[1] - self._disk[1])
        self._disk = disk
        gpus = self._gpus.window() if self._gpus is not None else []
        if gpus:
            found["gpus"] = gpus
        return found

    def take_cost_us(self) -> int:
        """Return the CPU time of looking at GPUs, in a thread of its own, since the last call."""
        return self._gpus.take_cost_us() if self._gpus is not None else 0

    def close(self) -> None:
        """Look no more."""
        if self._gpus is not None:
            self._gpus.stop()
        self._files.close()
