"""What a process of the agent says, as bytes: its clock, its numbers, and the small batches that scheduler and workers both send.

See ``docs/telemetry.md``; the windows of workers are made by ``worker._window``.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BATCH_BYTES = 1 << 20
MAX_SOURCE_BYTES = 256 << 10


class Epoch:
    """One life of the agent in one process: its id, its sequence numbers, and its clock.

    All times come from a monotonic clock and one look at the wall clock, so that windows join without gaps when
    somebody sets the machine's clock.

    Parameters
    ----------
    process
        The process id that Lineitem gave.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self.id = uuid.uuid4().hex
        self._seq = 0
        self._anchor_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000

    def utc_us(self, monotonic_us: int) -> int:
        """Translate a time of the monotonic clock to UTC."""
        return self._anchor_us + monotonic_us

    def head(self, kind: str) -> dict[str, Any]:
        """Return the first fields of a new batch; each call uses up a sequence number."""
        head = {"v": 1, "kind": kind, "process": self.process, "epoch": self.id, "seq": self._seq}
        self._seq += 1
        return head


def monotonic_us() -> int:
    """Return the agent's clock."""
    return time.monotonic_ns() // 1000


def pack(value: Mapping[str, Any]) -> bytes:
    """Encode as msgpack. What is no valid text (a file name in a foreign encoding) gets question marks."""
    packed: bytes = msgpack.packb(value, unicode_errors="replace")
    return packed


def encode_source(epoch: Epoch, file: str, sha256: str, text: str) -> bytes:
    """Encode the text of one file of user code."""
    return pack({**epoch.head("source"), "file": file, "sha256": sha256, "text": text})


def encode_software(epoch: Epoch, content: Mapping[str, Any]) -> bytes:
    """Encode a software environment, see ``_inventory.scan_environment``."""
    return pack({**epoch.head("software"), **content})
