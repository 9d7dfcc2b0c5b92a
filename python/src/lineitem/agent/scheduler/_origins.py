"""From a client's table of names to the origin of each task: the scheduler's side of ``lineitem.origins``.

A client sends, along with a graph, the names of what is in it and the lines that created those. Here every new task gets the
origin that its name has, else the one of its token, else the one of a task that depends on it. Names are needed only while
a graph arrives: nothing of them is kept. Lines get numbers that are unique in the cluster's life.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lineitem.agent.common._names import MAX_PART, inner_names, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENTRY = "lineitem"

BY_NAME = "name"
BY_TOKEN = "token"  # noqa: S105 - of a name, not of a user
BY_DEPENDENTS = "dependents"
BY_CALL = "call"
NONE = "none"

MAX_NAMES = 20_000
MAX_ORIGINS = 100_000
MAX_PENDING = 10_000
MAX_CLIENTS = 1_000
MAX_SHARED = 20
MAX_CALLERS = 2
MAX_TAGS = 20
_MAX_FILE = 1_000
_MAX_FUNCTION = 300
_MAX_TEXT = 400
_MAX_LINE = 1 << 31
_MAX_SEARCH = 200

_TOKEN = re.compile(r"[0-9a-f]{32}(?![0-9a-f])")
#: Until 2025 the tasks inside a fused task of an array were numbered.
_NUMBERED = re.compile(r"_\.[0-9].*$")


class Found(NamedTuple):
    """The origin of a task, and how it was found."""

    origin: int
    level: str


_NOT_FOUND = Found(0, NONE)


class GraphEntry:
    """What a client said of one graph, with origins as the scheduler numbers them.

    Parameters
    ----------
    names
        Origin of each name.
    default
        Origin of what the call itself created, 0 if it did not.
    tags
        The user's tags.
    """

    __slots__ = ("_answers", "_tokens", "default", "names", "tags")

    def __init__(self, names: dict[str, int], default: int, tags: dict[str, str]) -> None:
        self.names = names
        self.default = default
        self.tags = tags
        self._tokens: dict[str, int] | None = None
        self._answers: dict[str, Found] = {}

    def of_name(self, name: str) -> Found:
        """Resolve a name by itself: by name, then by token."""
        found = self._answers.get(name)
        if found is None:
            found = self._answers[name] = self._of_name(name)
        return found

    def _of_name(self, name: str) -> Found:
        origin = self.names.get(name)
        if origin:
            return Found(origin, BY_NAME)
        plain = _NUMBERED.sub("", name)
        if plain != name and plain in self.names:
            return Found(self.names[plain], BY_NAME)
        if self._tokens is None:
            self._tokens = {}
            for known, of in self.names.items():
                for token in _TOKEN.findall(known):
                    self._tokens.setdefault(token, of)
        if self._tokens:
            for token in reversed(_TOKEN.findall(plain)):
                if token in self._tokens:
                    return Found(self._tokens[token], BY_TOKEN)
        return _NOT_FOUND

    def of_task(self, ts: Any) -> Found:
        """Resolve a task; also through those that depend on it, where its own name says nothing."""
        name = name_of(ts.key)
        found = self.of_name(name)
        if found.origin:
            return found
        if self.names:
            found = self._through_dependents(ts)
        if not found.origin and self.default:
            found = Found(self.default, BY_CALL)
        if found.origin:
            self._answers[name] = found
        return found

    def _through_dependents(self, ts: Any) -> Found:
        seen = {ts}
        level = [ts]
        while level and len(seen) < _MAX_SEARCH:
            following = []
            for task in level:
                for dependent in task.dependents:
                    if dependent not in seen:
                        seen.add(dependent)
                        found = self.of_name(name_of(dependent.key))
                        if found.origin:
                            return Found(found.origin, BY_DEPENDENTS)
                        following.append(dependent)
                        if len(seen) >= _MAX_SEARCH:
                            return _NOT_FOUND
            level = following
        return _NOT_FOUND


class OriginBook:
    """Numbers origins and keeps what has not been sent yet.

    Parameters
    ----------
    base
        Ids count from ``base + 1``, as those of submissions do.
    """

    def __init__(self, base: int = 0) -> None:
        self._last = base
        self._count = 0
        self._clients: dict[str, dict[int, int]] = {}
        self._ids: dict[tuple[Any, ...], int] = {}
        self._rows: dict[int, dict[str, Any]] = {}
        self._pending: dict[int, None] = {}
        self._parts: list[list[Any]] = []
        self._sessions: dict[str, dict[str, Any]] = {}
        self._software: list[dict[str, Any]] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._pending) + len(self._parts) + len(self._sessions) + len(self._software)

    def take_entry(self, client: str, entry: Any) -> GraphEntry | None:
        """Take in what a client sent along with a graph. What is not as it should be is left out.

        Parameters
        ----------
        client
            Dask's id of the client.
        entry
            See "Between client and scheduler" in docs/telemetry.md.
        """
        if not isinstance(entry, dict) or entry.get("v") != 1:
            return None
        # A client that has gone may come back, with the lines it has sent in mind. The one not heard of for longest goes first.
        ids = self._clients.pop(client, {})
        if len(self._clients) >= MAX_CLIENTS:
            self._clients.pop(next(iter(self._clients)))
        self._clients[client] = ids
        for row in _rows(entry.get("origins"), MAX_NAMES):
            self._take_origin(ids, row)
        names: dict[str, int] = {}
        for row in _rows(entry.get("names"), MAX_NAMES):
            if len(row) >= 2 and isinstance(row[0], str) and _is_number(row[1]):
                origin = ids.get(row[1], 0)
                if origin:
                    names[row[0]] = origin
                    if len(row) > 2 and isinstance(row[2], (list, tuple)):
                        self._share(origin, [ids[other] for other in row[2][:MAX_SHARED] if ids.get(other)])
        self._take_session(client, entry.get("session"))
        default = entry.get("default")
        return GraphEntry(names, ids.get(default, 0) if isinstance(default, int) else 0, read_tags(entry.get("tags")))

    def _take_origin(self, ids: dict[int, int], row: Any) -> None:
        if len(row) < 6 or not _is_number(row[0]) or row[0] in ids:
            return
        number, file, line, function, text, callers = row[:6]
        place = _place([file, line, function])
        if place is None:
            return
        chain = [found for found in (_place(caller) for caller in _rows(callers, MAX_CALLERS)) if found is not None]
        mark = (*place, *(part for caller in chain for part in caller))
        found = self._ids.get(mark)
        if found is None:
            if self._count >= MAX_ORIGINS:
                self.dropped += 1
                return
            self._count += 1
            self._last += 1
            found = self._ids[mark] = self._last
            self._rows[found] = {
                "id": found,
                "file": place[0],
                "line": place[1],
                "function": place[2],
                "text": text[:_MAX_TEXT] if isinstance(text, str) else "",
                "callers": [list(caller) for caller in chain],
                "shared": [],
            }
            self._put(found)
        ids[number] = found

    def _put(self, origin: int) -> None:
        if len(self._pending) >= MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
            self.dropped += 1
        self._pending[origin] = None

    def _share(self, origin: int, others: list[int]) -> None:
        shared = self._rows[origin]["shared"]
        for other in others:
            if other != origin and other not in shared and len(shared) < MAX_SHARED:
                shared.append(other)
                self._put(origin)

    def _take_session(self, client: str, session: Any) -> None:
        if not isinstance(session, dict):
            return
        software = session.get("software")
        row = read_session(client, session)
        if isinstance(software, dict) and row["environment"]:
            self._software = [*self._software[-10:], software]
        if len(self._sessions) < MAX_CLIENTS:
            self._sessions[client] = row

    def note_parts(self, submission: int, outer: str, run_spec: Any, entry: GraphEntry, done: set[str]) -> None:
        """Note the origins of a fused task's sub-tasks where they differ from its own.

        Parameters
        ----------
        submission
            Who pays.
        outer
            The task's name. Tasks of one name hold sub-tasks of the same names, so the first one stands for all.
        run_spec
            What the task runs.
        entry
            The graph's names.
        done
            Names that have been looked at for this submission; added to.
        """
        if outer in done:
            return
        done.add(outer)
        own = entry.of_name(outer).origin
        for name in inner_names(run_spec):
            origin = entry.of_name(name).origin
            part = name[:MAX_PART]
            if origin and origin != own and part not in done:
                done.add(part)
                if len(self._parts) >= MAX_PENDING:
                    self.dropped += 1
                    return
                self._parts.append([submission, part, origin])

    def text_of(self, origin: int) -> str:
        """Return the text of an origin's line, for tests and logs."""
        return str(self._rows.get(origin, {}).get("text", ""))

    def take(self, *, with_text: bool) -> tuple[list[dict[str, Any]], list[list[Any]], list[dict[str, Any]]]:
        """Take out the rows of origins, parts and sessions that have not been sent."""
        origins = [dict(self._rows[origin], shared=list(self._rows[origin]["shared"])) for origin in self._pending]
        if not with_text:
            for row in origins:
                row["text"] = ""
        parts, sessions = self._parts, list(self._sessions.values())
        self._pending, self._parts, self._sessions = {}, [], {}
        return origins, parts, sessions

    def take_software(self) -> list[dict[str, Any]]:
        """Take out the software of clients, fields of software batches that they made."""
        software, self._software = self._software, []
        return software


def read_tags(value: Any) -> dict[str, str]:
    """Return tags as the contract allows them, at most twenty."""
    if not isinstance(value, dict):
        return {}
    fit = [
        (name, text)
        for name, text in value.items()
        if isinstance(name, str) and isinstance(text, str) and 0 < len(name) <= 64 and len(text) <= 200
    ]
    return dict(fit[:MAX_TAGS])


def read_session(client: str, session: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a ``sessions`` row of what a client says of itself."""

    def text(name: str, limit: int) -> str:
        value = session.get(name)
        return value[:limit] if isinstance(value, str) else ""

    kind = text("kind", 20)
    commit, environment = text("commit", 40), text("environment", 64)
    imported = session.get("imported")
    return {
        "client": client[:200],
        "user": text("user", 200),
        "host": text("host", 200),
        "kind": kind if kind in ("notebook", "script", "shell") else "",
        "path": text("path", _MAX_FILE),
        "commit": commit if re.fullmatch(r"[0-9a-f]{40}", commit) else "",
        "dirty": session.get("dirty") is True,
        "environment": environment if re.fullmatch(r"[0-9a-f]{64}", environment) else "",
        "imported": [name[:200] for name in imported if isinstance(name, str)][:2_000]
        if isinstance(imported, (list, tuple))
        else [],
    }


def _rows(value: Any, limit: int) -> Iterable[Any]:
    if not isinstance(value, (list, tuple)):
        return ()
    return [row for row in value[:limit] if isinstance(row, (list, tuple))]


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _place(row: Any) -> tuple[str, int, str] | None:
    if len(row) < 3:
        return None
    file, line, function = row[:3]
    if not isinstance(file, str) or not file or not _is_number(line) or not isinstance(function, str):
        return None
    return file[:_MAX_FILE], min(max(0, line), _MAX_LINE), function[:_MAX_FUNCTION]
