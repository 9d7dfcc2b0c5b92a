"""Sending origins along with a graph: one entry in the ``span_metadata`` that Dask sends anyway."""

from __future__ import annotations

import sys
import threading
import types
import weakref
from typing import TYPE_CHECKING, Any

from lineitem.origins import _session
from lineitem.origins._graphs import names_in
from lineitem.origins._software import ClientSoftware
from lineitem.origins._tags import current_tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from lineitem.origins._capture import Capture

ENTRY = "lineitem"
VERSION = 1
MAX_CLIENTS = 1_000


class _Sent:
    """What one scheduler has got from one client."""

    __slots__ = ("epoch", "origins", "session")

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.origins: set[int] = set()
        self.session: dict[str, Any] | None = None


class Shipper:
    """Makes the entry for each graph.

    Parameters
    ----------
    capture
        What is known of names and lines.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._sent: weakref.WeakKeyDictionary[Any, _Sent] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        #: How many graphs each client has sent to an agent, by client id.
        self.graphs: dict[str, int] = {}
        self._session: dict[str, Any] | None = None
        self._session_of = ""
        self.software = ClientSoftware()

    def hello(self, client: Any) -> dict[str, Any] | None:
        """Return how the scheduler of a client announced its agent, ``None`` if it did not.

        The agent adds a field to the scheduler's identity. Dask's client asks for that before it sends anything, again when it
        reconnects, and every two seconds: nothing more needs to be asked, and a scheduler without an agent notices nothing.
        """
        found = client._scheduler_identity.get(ENTRY)
        return found if isinstance(found, dict) else None

    def add(self, client: Any, graph: Any, metadata: Any, frame: FrameType | None) -> Any:
        """Return the metadata to send with a graph: with our entry if the scheduler has an agent, else as they are."""
        hello = self.hello(client)
        if hello is None or not (metadata is None or isinstance(metadata, dict)):
            return metadata
        capture = self._capture
        with self._lock:
            if len(self.graphs) < MAX_CLIENTS or client.id in self.graphs:
                self.graphs[client.id] = self.graphs.get(client.id, 0) + 1
            epoch = str(hello.get("epoch", ""))
            sent = self._sent.get(client)
            if sent is None or sent.epoch != epoch:
                sent = self._sent[client] = _Sent(epoch)
        rows: list[list[Any]] = []
        default = 0
        if capture.on:
            futures = _is_future(metadata)
            for name in () if futures else names_in(graph, capture.bases):
                entry = capture.names.get(name)
                if entry is not None:
                    rows.append([name, entry.origin, list(entry.shared)])
            if futures or (not rows and _is_plain(graph)):
                line = capture.line_behind(frame, through_loops=True)
                default = line.origin if line is not None else 0
        needed = {default, *(row[1] for row in rows), *(other for row in rows for other in row[2])} - {0} - sent.origins
        made: dict[str, Any] = {
            "v": VERSION,
            "origins": [capture.origins.row(number, with_text=_wants_text()) for number in sorted(needed)],
            "names": rows,
            "default": default,
        }
        tags = current_tags()
        if tags:
            made["tags"] = tags
        session = self._describe()
        if session != sent.session:
            made["session"] = self._with_software(session, sent.session)
        capture.names.epoch += 1
        sent.origins |= needed
        sent.session = session
        # A copy: Dask's own metadata may be shared between graphs.
        return {**(metadata or {}), ENTRY: made}

    def _describe(self) -> dict[str, Any]:
        if self._session is None:
            self._session = _session.describe()
        return {**self._session, **self.software.session()}

    def _with_software(self, session: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
        """Add the whole environment, where its id is news to the scheduler."""
        environment = session.get("environment")
        content = self.software.content()
        if not environment or content is None or (before or {}).get("environment") == environment:
            return session
        return {**session, "software": content}


def _is_plain(graph: Any) -> bool:
    """Tell whether a graph is tasks by their keys, as given to ``Client.get``: nothing but this call has made it."""
    return isinstance(graph, dict) or type(graph).__name__ == "LLGExpr"


def _is_future(metadata: Any) -> bool:
    collections = (metadata or {}).get("collections") or ()
    return any(isinstance(entry, dict) and entry.get("type") == "Future" for entry in collections)


def _wants_text() -> bool:
    import dask.config

    return dask.config.get("lineitem.source-text", True) is not False


def wrap_graph_to_futures(original: Callable[..., Any], shipper: Shipper, capture: Capture) -> Callable[..., Any]:
    """Wrap ``Client._graph_to_futures``.

    Dask looks for the line that asked for work among all frames outside of its own modules, by the ``__name__`` of their
    globals. The wrapper must not be taken for it, so it gets globals under Dask's name.
    """

    def add(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        try:
            client, *rest = args
            graph = rest[0] if rest else kwargs.get("expr", kwargs.get("dsk"))
            frame = sys._getframe(2)
            with client._refcount_lock:  # held by Dask for the rest: graphs leave in the order of their entries
                if len(args) > 3:
                    return (*args[:3], shipper.add(client, graph, args[3], frame), *args[4:]), kwargs
                return args, {**kwargs, "span_metadata": shipper.add(client, graph, kwargs.get("span_metadata"), frame)}
        except Exception:
            capture.failed("a graph")
            return args, kwargs

    def _graph_to_futures(*args: Any, **kwargs: Any) -> Any:
        with args[0]._refcount_lock:
            args, kwargs = add(args, kwargs)
            return original(*args, **kwargs)

    hidden = types.FunctionType(
        _graph_to_futures.__code__,
        {"__name__": "distributed.lineitem", "__builtins__": __builtins__},
        "_graph_to_futures",
        None,
        _graph_to_futures.__closure__,
    )
    hidden.__wrapped__ = original  # type: ignore[attr-defined]
    hidden.__doc__ = original.__doc__
    hidden.__kwdefaults__ = None
    return hidden
