"""What is known: lines that created work, and the names of what they created."""

from __future__ import annotations

import linecache
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

MAX_NAMES = 50_000
MAX_ORIGINS = 50_000
MAX_CALLERS = 2
MAX_SHARED = 20
MAX_TEXT = 400


class Entry:
    """Who created what has one name.

    Parameters
    ----------
    origin
        The line that counts.
    shared
        Other lines that asked for the very same.
    by_user
        Whether a line of user code made it, and not the optimiser.
    epoch
        How many graphs had been sent when it was noted.
    """

    __slots__ = ("by_user", "epoch", "origin", "shared")

    def __init__(self, origin: int, shared: tuple[int, ...], *, by_user: bool, epoch: int) -> None:
        self.origin = origin
        self.shared = shared
        self.by_user = by_user
        self.epoch = epoch


class Names:
    """Names of expressions and layers, with their origins; bounded, the oldest go first."""

    def __init__(self, limit: int = MAX_NAMES) -> None:
        self._limit = limit
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()
        #: Rises with each graph that is sent.
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: str) -> Entry | None:
        """Return what is known of a name."""
        return self._entries.get(name)

    def note_user(self, name: str, origin: int) -> None:
        """Note that a line of user code made something: the latest one counts, others of this submission share."""
        old = self._entries.get(name)
        shared: tuple[int, ...] = ()
        if old is not None and old.epoch == self.epoch:
            if old.origin == origin:
                old.by_user = True
                return
            shared = (old.origin, *(other for other in old.shared if other != origin))[:MAX_SHARED]
        self._put(name, Entry(origin, shared, by_user=True, epoch=self.epoch))

    def note_inherited(self, name: str, source: Entry) -> None:
        """Note that the optimiser made something from what ``source`` describes."""
        old = self._entries.get(name)
        if old is not None and (old is source or old.epoch == self.epoch):
            return
        self._put(name, Entry(source.origin, source.shared, by_user=False, epoch=self.epoch))

    def forget_inherited(self) -> None:
        """Forget all that user code has not made itself."""
        with self._lock:
            self._entries = {name: entry for name, entry in self._entries.items() if entry.by_user}

    def _put(self, name: str, entry: Entry) -> None:
        with self._lock:
            entries = self._entries
            entries.pop(name, None)  # so that it becomes the youngest
            if len(entries) >= self._limit:
                for old in list(entries)[: max(1, self._limit // 10)]:
                    del entries[old]
            entries[name] = entry


class Origins:
    """Lines of user code, each with up to two further ones outwards, as small numbers.

    Parameters
    ----------
    limit
        How many to know at most; what comes after has no origin.
    """

    def __init__(self, limit: int = MAX_ORIGINS) -> None:
        self._limit = limit
        self._ids: dict[tuple[int, ...], int] = {}
        self._places: list[tuple[tuple[CodeType, int], ...]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._places)

    def intern(self, frames: list[FrameType]) -> int:
        """Return the number of a chain of user frames, innermost first; 0 if there are too many already."""
        key = tuple([part for frame in frames for part in (id(frame.f_code), frame.f_lineno)])
        found = self._ids.get(key)
        if found is not None:
            return found
        with self._lock:
            if len(self._places) >= self._limit:
                return 0
            self._places.append(tuple((frame.f_code, frame.f_lineno) for frame in frames))
            self._ids[key] = len(self._places)
            return len(self._places)

    def row(self, number: int, *, with_text: bool) -> list[Any]:
        """Return an origin as the contract has it: id, file, line, function, text, callers."""
        (code, line), *callers = self._places[number - 1]
        text = linecache.getline(code.co_filename, line).strip()[:MAX_TEXT] if with_text else ""
        return [
            number,
            _file(code),
            line or 0,
            _function(code),
            text,
            [[_file(outer), at or 0, _function(outer)] for outer, at in callers],
        ]


def _file(code: CodeType) -> str:
    from lineitem.agent.common._stacks import normalise_file

    return normalise_file(code.co_filename)


def _function(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))[:300]
