"""Batches that wait for the server, bounded by bytes. While it is away they lose their detail before any of them is lost."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import msgpack

QUEUE_BYTES = 16 << 20

_SLIM_AT_ONCE = 200


class BatchQueue:
    """Batches on their way, oldest first.

    ``put`` may be called from an event loop and takes no time: if there is no room the oldest batch goes. Well before that, the
    transport's thread calls ``relieve``, which takes the samples out of the oldest batches: their bills stay exact, to the
    submission and the line that created the work, and only say less about the lines inside.

    Parameters
    ----------
    limit
        Bytes to hold at most.
    """

    def __init__(self, limit: int = QUEUE_BYTES) -> None:
        self._limit = limit
        self._batches: deque[bytes] = deque()
        self._looked_at = 0  # so many of the oldest have nothing more to give
        self._lock = threading.Lock()
        self.size = 0
        self.dropped = 0
        self.slimmed = 0

    def __len__(self) -> int:
        return len(self._batches)

    def put(self, batch: bytes) -> None:
        """Add a batch at the end."""
        with self._lock:
            self._batches.append(batch)
            self.size += len(batch)
            while self.size > self._limit:
                self._pop()
                self.dropped += 1

    def peek(self, max_bytes: int, max_batches: int) -> list[bytes]:
        """Return the oldest batches that fit into one post, at least one if there are any."""
        with self._lock:
            parcel: list[bytes] = []
            size = 0
            for batch in self._batches:
                if parcel and (size + len(batch) > max_bytes or len(parcel) >= max_batches):
                    break
                parcel.append(batch)
                size += len(batch)
            return parcel

    def remove(self, parcel: list[bytes]) -> None:
        """Remove what ``peek`` returned, less what has been dropped since."""
        gone = {id(batch) for batch in parcel}
        with self._lock:
            while self._batches and id(self._batches[0]) in gone:
                self._pop()

    def relieve(self) -> None:
        """Make the oldest batches smaller once half of the room is taken. Not between ``peek`` and ``remove``."""
        for _ in range(_SLIM_AT_ONCE):
            with self._lock:
                at = self._looked_at
                if self.size <= self._limit // 2 or at >= len(self._batches):
                    return
                batch = self._batches[at]
            small = slim(batch)
            with self._lock:
                # Meanwhile the oldest may have been dropped, and everything have moved up.
                at = self._looked_at
                if at < len(self._batches) and self._batches[at] is batch:
                    if len(small) < len(batch):
                        self._batches[at] = small
                        self.size -= len(batch) - len(small)
                        self.slimmed += 1
                    self._looked_at += 1

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._batches.clear()
            self.size = self._looked_at = 0

    def _pop(self) -> None:
        self.size -= len(self._batches.popleft())
        self._looked_at = max(0, self._looked_at - 1)


def slim(batch: bytes) -> bytes:
    """Take samples and stacks out of a worker's batch; its ledger stays, to the microsecond.

    Whatever is no worker's batch with samples comes back as it is.
    """
    try:
        content: Any = msgpack.unpackb(batch)
        if content["kind"] != "worker" or not content["samples"]:
            return batch
        strings: dict[int, int] = {}
        ledger = []
        for submission, prefix, *rest in content["ledger"]:
            ledger.append([submission, strings.setdefault(prefix, len(strings)), *rest])
        kept = [content["strings"][index] for index in strings]
        bare = {"strings": kept, "ledger": ledger, "samples": [], "stacks": [], "frames": [], "files": []}
        packed: bytes = msgpack.packb({**content, **bare})
    except Exception:  # what one agent cannot read the server may still say something about
        return batch
    return packed
