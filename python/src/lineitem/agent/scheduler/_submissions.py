"""Submissions: who asked for work, from which line of user code, and for how many tasks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lineitem.agent.common._sources import digest
from lineitem.agent.common._stacks import USER, Classifier, normalise_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TEXT = 400

# A loop that calls submit() makes one graph per call. Up to this many between two posts get an id each; what the same
# line asks for beyond that joins the last one, so that ten thousand calls do not make ten thousand rows per worker.
BURST = 50
MAX_PENDING = 10_000

_DEF = re.compile(r"^\s*(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_TOP_LEVEL = re.compile(r"[^\s#)\]}]")
_DASK = re.compile(r"[\\/](dask|distributed)[\\/]")


class Origin:
    """The line of user code that asked for work.

    Parameters
    ----------
    file, line, function, text
        As in the contract; ``text`` unshortened by any setting.
    module_source
        The whole text of the file, where the client sent it.
    """

    __slots__ = ("file", "function", "line", "module_source", "text")

    def __init__(self, file: str, line: int, function: str, text: str, module_source: str | None) -> None:
        self.file = file
        self.line = line
        self.function = function
        self.text = text
        self.module_source = module_source


NOWHERE = Origin("", 0, "", "", None)


def find_origin(code: Sequence[Any], classify: Classifier) -> Origin:
    """Choose the innermost frame of user code among those that the client sent, outermost first.

    Where no frame is user code by its path (an application installed as a package), the innermost one outside of Dask
    is the best there is.

    Parameters
    ----------
    code
        ``distributed.client.SourceCode`` tuples.
    classify
        The file classifier.
    """
    candidates = [frame for frame in reversed(code) if classify(frame.filename) == USER]
    if not candidates:
        candidates = [frame for frame in reversed(code) if not _DASK.search(frame.filename)]
    if not candidates:
        return NOWHERE
    frame = candidates[0]
    source = frame.code or ""
    lines = source.splitlines()
    at = int(frame.lineno_relative)
    first = int(frame.lineno_frame) - at
    text = lines[at].strip() if 0 <= at < len(lines) else ""
    function = _function_name(lines, first)
    file = normalise_file(frame.filename)
    whole = function == "<module>" and file.endswith(".py") and not file.startswith("cell:")
    return Origin(file, int(frame.lineno_frame), function, text[:MAX_TEXT], source if whole else None)


def _function_name(lines: Sequence[str], first: int) -> str:
    """Work out what kind of code the text is: a whole file or cell, or one function, whose definition comes first."""
    text = "\n".join(lines)
    found = _DEF.search(text)
    if first <= 1 and (found is None or any(_TOP_LEVEL.match(line) for line in text[found.end() :].splitlines()[1:])):
        return "<module>"
    if found is not None:
        return found.group(1)
    return "<lambda>" if "lambda" in text else ""


class SubmissionBook:
    """Gives out submission ids and keeps the rows that have not been sent yet.

    Parameters
    ----------
    base
        Ids count from ``base + 1``. It keeps ids of a restarted scheduler apart from those of the one before.
    """

    def __init__(self, base: int = 0) -> None:
        self._last = base
        self._pending: dict[int, dict[str, Any]] = {}
        self._lines: dict[tuple[Any, ...], list[int]] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._pending)

    def open(
        self,
        client: str,
        origin: Origin,
        at_us: int,
        *,
        tags: Mapping[str, str] | None = None,
        span: Sequence[str] = (),
    ) -> int:
        """Return the id for a graph that has just arrived.

        Parameters
        ----------
        client, origin, at_us
            Who asked, where in the code, and when.
        tags, span
            What the client says of the work; a line shares an id only among what it says the same of.
        """
        tags = dict(tags or {})
        line = (client, origin.file, origin.line, tuple(span), tuple(sorted(tags.items())))
        burst = self._lines.setdefault(line, [0, 0])
        if burst[0] >= BURST:
            return burst[1]
        self._last += 1
        burst[0] += 1
        burst[1] = self._last
        if len(self._pending) >= MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
            self.dropped += 1
        self._pending[self._last] = {
            "id": self._last,
            "at_us": at_us,
            "client": client,
            "file": origin.file,
            "line": origin.line,
            "function": origin.function,
            "text": origin.text,
            "tasks": 0,
            "tags": tags,
            "span": list(span),
            "levels": {},
        }
        return self._last

    def count(self, submission: int, tasks: int, levels: Mapping[str, int] | None = None) -> None:
        """Add tasks to a submission that has just been opened, and how their origins were found."""
        row = self._pending.get(submission)
        if row is not None:
            row["tasks"] += tasks
            for level, number in (levels or {}).items():
                row["levels"][level] = row["levels"].get(level, 0) + number

    def take(self, *, with_text: bool) -> list[dict[str, Any]]:
        """Take out the pending rows. Later work from the same lines gets new ids."""
        rows = list(self._pending.values())
        self._pending.clear()
        self._lines.clear()
        if not with_text:
            for row in rows:
                row["text"] = ""
        return rows


def id_base(process: str) -> int:
    """Derive the base of submission ids from a scheduler's process id, whose last part is its generation."""
    generation = process.rpartition("-")[2]
    return (int(generation) - 1) << 32 if generation.isdecimal() and 0 < int(generation) < 1 << 20 else 0


def source_of(origin: Origin) -> tuple[str, str] | None:
    """Return hash and text of an origin's file, if the client sent all of it and it is not too large."""
    return None if origin.module_source is None else digest(origin.module_source)
