"""Stamping new tasks with who pays: the submission, and the line that created this piece of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineitem.agent.common._agreed import STAMP_KEY
from lineitem.agent.common._batch import monotonic_us
from lineitem.agent.common._names import name_of
from lineitem.agent.scheduler._origins import BY_CALL, NONE, OriginBook
from lineitem.agent.scheduler._reads import ReadBook
from lineitem.agent.scheduler._submissions import NOWHERE, Origin, SubmissionBook, find_origin, id_base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lineitem.agent.common._batch import Epoch
    from lineitem.agent.common._guard import Guard
    from lineitem.agent.common._stacks import Classifier
    from lineitem.agent.scheduler._origins import GraphEntry

ENTRY = "lineitem"
_MAX_HELD_SOURCES = 20
_ROWS_PER_BATCH = {"submissions": 200, "sessions": 5, "origins": 100, "parts": 1_000, "reads": 200, "workers": 500}


class Stamper:
    """Learns of each graph before its tasks are sent out, and keeps the books of submissions, origins, reads and writes.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``.
    guard
        Counts the errors of the parts.
    epoch
        The scheduler agent's epoch, for its clock and its process id.
    classify
        Tells user code by its file name.
    """

    def __init__(self, scheduler: Any, guard: Guard, epoch: Epoch, classify: Classifier) -> None:
        self._scheduler = scheduler
        self._guard = guard
        self._epoch = epoch
        self._classify = classify
        base = id_base(epoch.process)
        self.submissions = SubmissionBook(base)
        self.origins = OriginBook(base)
        self.reads = ReadBook()
        #: Files that submissions came from and whose text has not been looked at, by name.
        self.held_sources: dict[str, Origin] = {}
        #: Whether the server wants the text of files; unknown until it has answered.
        self.source_text: bool | None = None
        self._code: tuple[Any, ...] = ()
        self._entry: Any = None
        self._unwrap: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self.submissions) + len(self.origins) + len(self.reads)

    @property
    def dropped(self) -> int:
        """How many rows there was no room for."""
        return self.submissions.dropped + self.origins.dropped + self.reads.dropped

    def install(self) -> None:
        """Listen in on the one call that gets the code of a graph together with its tasks, right before ``update_graph``."""
        spans = self._scheduler.extensions.get("spans")
        if spans is None:
            return
        original = spans.observe_tasks

        def observe_tasks(*args: Any, **kwargs: Any) -> Any:
            self._code = kwargs.get("code") or (args[1] if len(args) > 1 else ())
            metadata = kwargs.get("span_metadata") or (args[2] if len(args) > 2 else None)
            # Taken out: a span keeps what it does not know for ever.
            self._entry = metadata.pop(ENTRY, None) if isinstance(metadata, dict) else None
            return original(*args, **kwargs)

        def unwrap() -> None:
            if spans.__dict__.get("observe_tasks") is observe_tasks:
                del spans.observe_tasks

        spans.observe_tasks = observe_tasks
        self._unwrap = unwrap

    def uninstall(self) -> None:
        """Stop listening."""
        if self._unwrap is not None:
            self._unwrap()
            self._unwrap = None

    def take(self) -> dict[str, list[Any]]:
        """Take out the rows of all books, by their section of a scheduler batch."""
        with_text = bool(self.source_text)
        origins, parts, sessions = self.origins.take(with_text=with_text)
        return {
            "submissions": self.submissions.take(with_text=with_text),
            "sessions": sessions,
            "origins": origins,
            "parts": parts,
            "reads": self.reads.take(),
        }

    def update_graph(self, client: str, keys: Iterable[Any]) -> None:
        """Stamp new tasks. Dask calls this before any of them is sent to a worker. Never raises."""
        try:
            if not self._guard.broken("stamp"):
                self._stamp(client, keys)
        except Exception:
            self._guard.failed("stamp")
        finally:
            self._code = ()
            self._entry = None

    def _stamp(self, client: str, keys: Iterable[Any]) -> None:
        tasks = self._scheduler.tasks
        entry = self._take_entry(client)
        fresh = []
        for key in keys:
            ts = tasks.get(key)
            # Who asked first pays.
            if ts is not None and not (
                ts.annotations and isinstance(ts.annotations.get(STAMP_KEY), (int, list, tuple))
            ):
                fresh.append(ts)
        if not fresh:
            return
        submission = self._open(client, entry, fresh[0])
        levels = {NONE: 0}
        found: list[int] = []
        if entry is not None and not self._guard.broken("resolve"):
            try:
                found, levels = _resolve(entry, fresh)
            except Exception:
                self._guard.failed("resolve")
                found, levels = [], {NONE: len(fresh)}
        stamps = {origin: (submission, origin) for origin in {0, *found}}  # tasks share them: a graph may have many
        for number, ts in enumerate(fresh):
            if ts.annotations is None:
                ts.annotations = {}
            ts.annotations[STAMP_KEY] = stamps[found[number] if found else 0]
        if not found:
            levels = {NONE: len(fresh)}
        self.submissions.count(submission, len(fresh), levels)
        if entry is not None and found and not self._guard.broken("parts"):
            try:
                self._note_parts(submission, entry, fresh)
            except Exception:
                self._guard.failed("parts")
        if not self._guard.broken("reads"):
            try:
                self.reads.note(
                    fresh,
                    submission,
                    found,
                    (lambda name: entry.of_name(name).origin) if entry is not None else lambda _: 0,
                )
            except Exception:
                self._guard.failed("reads")

    def _take_entry(self, client: str) -> GraphEntry | None:
        if self._entry is None or self._guard.broken("entry"):
            return None
        try:
            return self.origins.take_entry(client, self._entry)
        except Exception:
            self._guard.failed("entry")
            return None

    def _note_parts(self, submission: int, entry: GraphEntry, tasks: list[Any]) -> None:
        done: set[str] = set()
        for ts in tasks:
            name = name_of(ts.key)
            if name not in done:
                self.origins.note_parts(submission, name, ts.run_spec, entry, done)

    def _open(self, client: str, entry: GraphEntry | None, first: Any) -> int:
        origin = NOWHERE
        try:
            if self._code and not self._guard.broken("origin"):
                origin = find_origin(self._code, self._classify)
                if (
                    self.source_text is not False
                    and origin.file.endswith(".py")
                    and len(self.held_sources) < _MAX_HELD_SOURCES
                ):
                    self.held_sources[origin.file] = origin
        except Exception:
            self._guard.failed("origin")
        return self.submissions.open(
            client,
            origin,
            self._epoch.utc_us(monotonic_us()),
            tags=entry.tags if entry is not None else {},
            span=_span_of(first),
        )


def _resolve(entry: GraphEntry, tasks: list[Any]) -> tuple[list[int], dict[str, int]]:
    """Find the origin of each task; count how."""
    levels: dict[str, int] = {}
    found = []
    # Most graphs have many tasks of few names.
    of_name: dict[str, tuple[int, str]] = {}
    for ts in tasks:
        key = ts.key
        name = key[0] if type(key) is tuple and key and type(key[0]) is str else name_of(key)
        answer = of_name.get(name)
        if answer is None:
            answer = entry.of_task(ts)
            if answer[0] and answer[1] != BY_CALL and name:
                of_name[name] = answer
        found.append(answer[0])
        levels[answer[1]] = levels.get(answer[1], 0) + 1
    return found, levels


def _span_of(ts: Any) -> tuple[str, ...]:
    """Return the name of the Dask span that a task belongs to, empty for none."""
    span = (ts.annotations or {}).get("span")
    name = span.get("name") if isinstance(span, dict) else None
    return tuple(str(part)[:200] for part in name[:20]) if isinstance(name, (list, tuple)) else ()


def split_rows(rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Split the sections of a scheduler batch so that each batch stays well below a mebibyte.

    Parameters
    ----------
    rows
        Lists of rows by section; what is no list goes with the first batch.
    """
    first = {name: section for name, section in rows.items() if section and not isinstance(section, list)}
    made: list[dict[str, Any]] = [first] if first else []
    for name, section in rows.items():
        if not isinstance(section, list):
            continue
        most = _ROWS_PER_BATCH.get(name, 500)
        for number, at in enumerate(range(0, len(section), most)):
            if number == len(made):
                made.append({})
            made[number][name] = section[at : at + most]
    for window in made:
        window.setdefault("submissions", [])
    return made
