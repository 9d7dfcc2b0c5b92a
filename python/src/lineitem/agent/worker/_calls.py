"""Work on a worker that no task's transition announces: ``Client.run``, actors' methods, and what coroutines wait for.

``Client.run`` and actors' methods come in as messages; their handlers are wrapped, so that an entry of the ledger is
open while they run. What runs as a coroutine has no thread of its own: while it runs it is on the event loop's stack, and
while it waits, the chain of what it awaits says on which line.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from dask.utils import key_split

from lineitem.agent.common._agreed import STAMP_KEY
from lineitem.agent.common._stacks import MAX_DEPTH, walk
from lineitem.agent.worker._facts import MAX_NAME, read_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

    from lineitem.agent.common._guard import Guard
    from lineitem.agent.common._stacks import Landmarks
    from lineitem.agent.worker._ledger import Owner

RUN = "Client.run"


class Call:
    """One call of ``Client.run`` or of an actor's method: also the key of its entry in the ledger.

    Parameters
    ----------
    owner
        Who pays.
    """

    __slots__ = ("coroutine", "failed", "in_thread", "owner")

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.in_thread = False
        self.coroutine: Any = None
        self.failed = False


class Calls:
    """Wraps a worker's handlers; tells of calls as they begin and end.

    Methods of actors wait for a thread of their own executor, in order; a call begins when it is its turn.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    guard
        Counts errors.
    begin, end
        Called with the time in nanoseconds and the call, on the event loop.
    """

    def __init__(
        self, worker: Any, guard: Guard, begin: Callable[[int, Call], None], end: Callable[[int, Call], None]
    ) -> None:
        self._worker = worker
        self._guard = guard
        self._begin_call = begin
        self._end_call = end
        self._originals: dict[str, Any] = {}
        self._wrapped: dict[str, Any] = {}
        self._in_threads: set[Call] = set()
        self._queue: deque[Call] = deque()

    def install(self) -> None:
        """Wrap the handlers."""
        for name in ("run", "run_coroutine", "actor_execute"):
            original = self._worker.handlers.get(name)
            if original is not None:
                wrapped = self._wrap_actor(original) if name == "actor_execute" else self._wrap_run(original)
                self._originals[name] = original
                self._wrapped[name] = self._worker.handlers[name] = wrapped

    def uninstall(self) -> None:
        """Put the handlers back, unless somebody else has replaced them."""
        for name, original in self._originals.items():
            if self._worker.handlers.get(name) is self._wrapped[name]:
                self._worker.handlers[name] = original

    def _wrap_run(self, original: Any) -> Any:
        async def run(comm: Any, **kwargs: Any) -> Any:
            call = self._open(lambda: (0, RUN, 0))
            coroutine = original(comm, **kwargs)
            try:
                if call is not None:
                    call.coroutine = coroutine
                    self._begin(call)
                result = await coroutine
                if call is not None:
                    call.failed = isinstance(result, dict) and result.get("status") == "error"
                return result
            finally:
                self._end(call)

        return run

    def _wrap_actor(self, original: Any) -> Any:
        async def actor_execute(**kwargs: Any) -> Any:
            call = self._open(lambda: self._actor_owner(kwargs.get("actor"), str(kwargs.get("function"))))
            if call is not None:
                call.in_thread = self._runs_in_thread(kwargs)
            coroutine = original(**kwargs)
            try:
                if call is not None:
                    call.coroutine = coroutine
                    if call.in_thread:
                        self._queue_up(call)
                    else:
                        self._begin(call)
                result = await coroutine
                if call is not None:
                    call.failed = isinstance(result, dict) and result.get("status") == "error"
                return result
            finally:
                self._end(call)

        return actor_execute

    def _open(self, owner: Callable[[], Owner]) -> Call | None:
        if self._guard.broken("calls"):
            return None
        try:
            return Call(owner())
        except Exception:
            self._guard.failed("calls")
            return None

    def _begin(self, call: Call) -> None:
        try:
            self._begin_call(time.monotonic_ns(), call)
        except Exception:
            self._guard.failed("calls")

    def _end(self, call: Call | None) -> None:
        if call is None:
            return
        try:
            call.coroutine = None
            if call in self._queue:
                self._queue.remove(call)  # cancelled before its turn
                return
            self._in_threads.discard(call)
            self._end_call(time.monotonic_ns(), call)
            while self._queue and len(self._in_threads) < self._actor_threads():
                self._take_turn(self._queue.popleft())
        except Exception:
            self._guard.failed("calls")

    def _queue_up(self, call: Call) -> None:
        if len(self._in_threads) < self._actor_threads():
            self._take_turn(call)
        else:
            self._queue.append(call)

    def _take_turn(self, call: Call) -> None:
        self._in_threads.add(call)
        self._begin(call)

    def _actor_threads(self) -> int:
        return int(getattr(self._worker.executors.get("actor"), "_max_workers", 1))

    def _actor_owner(self, key: Any, function: str) -> Owner:
        ts = self._worker.state.tasks.get(key)
        submission, origin = read_stamp((ts.annotations or {}).get(STAMP_KEY) if ts is not None else None)
        return submission, f"{key_split(key)}.{function}"[:MAX_NAME], origin

    def _runs_in_thread(self, kwargs: dict[str, Any]) -> bool:
        try:
            from distributed.utils import iscoroutinefunction

            method = getattr(self._worker.state.actors[kwargs["actor"]], kwargs["function"])
            return (kwargs.get("kwargs") or {}).get("separate_thread", True) and not iscoroutinefunction(method)
        except Exception:
            return False  # Dask itself will say what is wrong with this call


def task_coroutines(worker: Any, keys: Iterable[Any]) -> dict[Any, Any]:
    """Return the coroutines in which a worker executes tasks that are coroutines themselves, by key."""
    wanted = {f"execute({key!r})": key for key in keys}
    found = {}
    for task in list(getattr(worker, "_async_instructions", ())):
        key = wanted.get(task.get_name())
        if key is not None:
            found[key] = task.get_coro()
    return found


def look_at_coroutine(
    coroutine: Any, loop_frame: FrameType | None, marks: Landmarks, codes: dict[int, CodeType]
) -> tuple[list[int], str] | None:
    """Record where a coroutine stands, below Dask's own part of it.

    Parameters
    ----------
    coroutine
        The outermost coroutine, Dask's.
    loop_frame
        The innermost frame of the event loop's thread.
    marks
        Dask's own functions.
    codes
        See ``common._stacks.walk``.

    Returns
    -------
    tuple
        The stack, leaf first, and the part of a fused task; ``None`` if there is nothing of the user's.
    """
    if getattr(coroutine, "cr_running", False):
        stack, part, runner = walk(loop_frame, marks, codes)
        return (stack, part) if runner in marks.coroutines else None
    frames: list[tuple[CodeType, int]] = []
    below = -1
    while coroutine is not None and len(frames) < MAX_DEPTH:
        frame, awaited = _step(coroutine)
        if frame is None:
            break
        frames.append((frame.f_code, frame.f_lasti))
        if id(frame.f_code) in marks.coroutines:
            below = len(frames)
        coroutine = awaited
    if below < 0 or below == len(frames):
        return None
    waiting: list[int] = []
    for code, lasti in reversed(frames[below:]):
        codes.setdefault(id(code), code)
        waiting += (id(code), lasti)
    return waiting, ""


def _step(awaitable: Any) -> tuple[Any, Any]:
    """Return the frame of a coroutine or generator and what it waits for."""
    for frame, inner in (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await")):
        found = getattr(awaitable, frame, None)
        if found is not None:
            return found, getattr(awaitable, inner, None)
    return None, None
