"""A worker's batches on their way to the scheduler, and the texts of sources that it may want."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from lineitem.agent.common._sources import read_source
from lineitem.agent.worker._merge import merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem.agent.common._guard import Guard

_OUTBOX_BYTES = 4 << 20
_REPORT_BYTES = 1 << 20
_REPORT_TIMEOUT_S = 30.0
_MAX_TEXTS = 20


class Outbox:
    """Batches that the scheduler has not acknowledged yet; when there are too many, they are merged, and the oldest go last.

    The agent's thread puts batches in, the worker's event loop sends them; a deque is all they need between them.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    guard
        Counts errors.
    on_reply
        Called with each answer of the scheduler.
    """

    def __init__(self, worker: Any, guard: Guard, on_reply: Callable[[dict[str, Any]], None]) -> None:
        self.dropped = 0
        self._worker = worker
        self._guard = guard
        self._on_reply = on_reply
        self._batches: deque[bytes] = deque()
        self._sent: set[bytes] = set()
        self._sending = asyncio.Lock()
        self.wants_sources = False
        self._files_seen: set[str] = set()
        self._texts: dict[str, tuple[str, str]] = {}
        self._wanted: deque[tuple[str, str, str]] = deque()
        self._software = ""
        self._wants_software: bool | None = None

    def __len__(self) -> int:
        return len(self._batches)

    def put(self, batch: bytes) -> None:
        """Add a batch. From any thread."""
        self._batches.append(batch)

    def clear(self) -> None:
        """Drop everything."""
        self._batches.clear()

    def take_all(self) -> list[bytes]:
        """Hand over everything."""
        self._drop_oldest()
        left = list(self._batches)
        self._batches.clear()
        return left

    async def send(self, *, ask: bool = False) -> None:
        """Report to the scheduler until nothing is left. What is not acknowledged stays for the next time.

        Parameters
        ----------
        ask
            Report even if there is nothing to say, for the sake of the answer.
        """
        try:
            async with self._sending:
                self._drop_oldest()
                while self._batches or ask:
                    ask = False
                    parcel = self._parcel()
                    self._sent = set(parcel)
                    offers = self._texts.copy()
                    environment = self._software if self._wants_software is None else ""
                    reply = await asyncio.wait_for(
                        self._worker.scheduler.lineitem_report(
                            batches=parcel,
                            sources=[[file, text[0]] for file, text in offers.items()],
                            software=environment,
                        ),
                        _REPORT_TIMEOUT_S,
                    )
                    if not isinstance(reply, dict) or reply.get("status") != "OK":
                        return
                    for batch in parcel:
                        if self._batches and self._batches[0] is batch:
                            self._batches.popleft()
                    self._sort_out(offers, set(reply["want"]))
                    if environment:
                        self._wants_software = bool(reply.get("want_software"))
                    self._on_reply(reply)
        except (OSError, asyncio.TimeoutError):
            pass  # The scheduler is away; Dask deals with that, and the batches wait.
        except Exception:
            self._guard.failed("report")

    def read_sources(self, files: set[str]) -> list[tuple[str, str, str]]:
        """Read the text of files that are new, to offer them; return file, hash and text of those that are wanted.

        To be called by the agent's thread: it reads from disk.
        """
        if not self.wants_sources:
            return []
        wanted = []
        while self._wanted:
            wanted.append(self._wanted.popleft())
        for file in files - self._files_seen:
            if len(self._texts) >= _MAX_TEXTS:
                break  # they wait in memory for the scheduler's word; the rest comes next time
            self._files_seen.add(file)
            found = read_source(file)
            if found is not None:
                self._texts[file] = found
        return wanted

    def offer_software(self, content: dict[str, Any] | None) -> dict[str, Any] | None:
        """Offer the environment, once it is known; return it, once, if the scheduler wants it."""
        if content is None or self._wants_software is False:
            return None
        self._software = str(content["environment"])
        if not self._wants_software:
            return None
        self._wants_software = False
        return content

    @property
    def software_is_open(self) -> bool:
        """Whether the scheduler has neither got the environment nor declined it."""
        return self._wants_software is not False

    def _parcel(self) -> list[bytes]:
        parcel: list[bytes] = []
        size = 0
        for batch in list(self._batches):
            if parcel and size + len(batch) > _REPORT_BYTES:
                break
            parcel.append(batch)
            size += len(batch)
        return parcel

    def _sort_out(self, offers: dict[str, tuple[str, str]], wanted: set[str]) -> None:
        """Keep the texts that the scheduler wants, forget the others."""
        for file, text in offers.items():
            self._texts.pop(file, None)
            if file in wanted:
                self._wanted.append((file, *text))

    def _merge_oldest(self, size: int) -> None:
        """Make one window out of two, from the oldest on, until they fit."""
        waiting = list(self._batches)
        kept: list[bytes] = []
        at = 0
        while at < len(waiting):
            batch = waiting[at]
            at += 1
            # The scheduler may have what was sent once: another batch with its number would be a duplicate.
            if size > _OUTBOX_BYTES // 2 and at < len(waiting) and not {batch, waiting[at]} & self._sent:
                merged = merge(batch, waiting[at])
                if merged is not None:
                    size -= len(batch) + len(waiting[at]) - len(merged)
                    batch = merged
                    at += 1
            kept.append(batch)
        # What the agent's thread has put in meanwhile stays at the end.
        for _ in waiting:
            self._batches.popleft()
        self._batches.extendleft(reversed(kept))

    def _drop_oldest(self) -> None:
        size = sum(map(len, list(self._batches)))
        if size > _OUTBOX_BYTES:
            self._merge_oldest(size)
            size = sum(map(len, list(self._batches)))
        while self._batches and size > _OUTBOX_BYTES:
            size -= len(self._batches.popleft())
            self.dropped += 1
