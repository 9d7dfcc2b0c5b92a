"""What runs on a worker, as one tick sees it: in its threads, on its event loop, and in coroutines that wait."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from lineitem.agent.worker._calls import look_at_coroutine, task_coroutines
from lineitem.agent.worker._sampler import look
from lineitem.agent.worker._taps import FORCED, FREE, RELEASED

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CodeType

    from lineitem.agent.common._stacks import Landmarks
    from lineitem.agent.worker._calls import Call
    from lineitem.agent.worker._sampler import CpuClocks, Sighting
    from lineitem.agent.worker._taps import Taps


class Seen(NamedTuple):
    """One piece of running work as a tick saw it.

    Parameters
    ----------
    key
        Of a task or a ``Call``; the text ``<class>.<method>`` where only an actor's thread was seen.
    actor
        Whether it is such a text.
    part, stack
        See ``common._stacks.walk``.
    wall_us, cpu_us
        Its weight.
    """

    key: Any
    actor: bool
    part: str
    stack: list[int]
    wall_us: int
    cpu_us: int


class Lookout:
    """Looks at a worker's work.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    marks
        Dask's own functions.
    codes
        Filled with the code objects seen.
    clocks
        The threads' CPU clocks.
    taps
        How to come by the GIL.
    """

    def __init__(
        self, worker: Any, marks: Landmarks, codes: dict[int, CodeType], clocks: CpuClocks, taps: Taps
    ) -> None:
        self._worker = worker
        self._marks = marks
        self._codes = codes
        self._clocks = clocks
        self._taps = taps
        self._carried_us = 0
        self._crowd = False
        self._stopped: Sighting | None = None

    def forget(self) -> None:
        """Forget what was not seen and where a thread was stopped: work begins anew, and that belongs to what came before."""
        self._carried_us = 0
        self._stopped = None

    def look(
        self,
        now_s: float,
        how: str,
        weight_us: int,
        nthreads: int,
        *,
        calls: Collection[Call],
        coroutines: Collection[Any],
        loop_thread: int,
    ) -> list[Seen]:
        """Look, right after the agent's thread has woken.

        Parameters
        ----------
        now_s
            The time, in seconds.
        how
            How the GIL was come by, see ``Taps.sleep_until``.
        weight_us
            What this look stands for.
        nthreads
            The worker's threads: more work than that shares the weight.
        calls
            Those that are open.
        coroutines
            Keys of tasks that are coroutines.
        loop_thread
            The event loop's.
        """
        stopped = how == FORCED
        active = self._worker.active_threads.copy()
        if how == RELEASED:
            if not self._taps.affordable(now_s, crowd=self._crowd):
                self._carried_us += weight_us  # for a later look that finds the GIL held
                return []
            stopped = self._taps.again(crowd=self._crowd)
            active = self._worker.active_threads.copy()
        if how != FREE:
            weight_us += self._carried_us
            self._carried_us = 0
        sightings = look(active, self._marks, self._codes)
        if len(sightings) == 1:
            self._correct(sightings[0], how, stopped=stopped)
        else:
            self._stopped = None
        return self._weigh(sightings, self._on_loop(calls, coroutines, loop_thread), weight_us, nthreads, loop_thread)

    def _correct(self, seen: Sighting, how: str, *, stopped: bool) -> None:
        """Remember where a lone thread was stopped; take that place where it has let go for long.

        It held the GIL when the tick arrived, then let go and kept away from it: what it had been doing before is
        better told by the place where it was last stopped.
        """
        if stopped:
            self._stopped = seen
        elif how != FREE and self._stopped is not None and self._stopped.key == seen.key:
            seen.stack, seen.part = self._stopped.stack, self._stopped.part

    def _on_loop(
        self, calls: Collection[Call], coroutines: Collection[Any], loop_thread: int
    ) -> list[tuple[Any, list[int], str, bool]]:
        """Look at what has no thread of its own; tell whether it is just running."""
        roots = [(call, call.coroutine) for call in calls if not call.in_thread]
        if coroutines:
            roots += task_coroutines(self._worker, coroutines).items()
        if not roots:
            return []
        running = any(getattr(root, "cr_running", False) for _, root in roots)
        frame = sys._current_frames().get(loop_thread) if running else None
        found = []
        for key, root in roots:
            is_running = getattr(root, "cr_running", False)
            place = look_at_coroutine(root, frame, self._marks, self._codes)
            if place is not None:
                found.append((key, *place, is_running))
        del frame
        return found

    def _weigh(
        self,
        sightings: list[Sighting],
        on_loop: list[tuple[Any, list[int], str, bool]],
        weight_us: int,
        nthreads: int,
        loop_thread: int,
    ) -> list[Seen]:
        count = len(sightings) + len(on_loop)
        wall = weight_us if count <= nthreads else weight_us * nthreads // count
        seen = []
        loop_cpu = self._clocks.delta_us(loop_thread, weight_us)
        # An event loop that works wants the GIL as much as a task does.
        busy = int(5 * loop_cpu > weight_us)
        for sighting in sightings:
            cpu = self._clocks.delta_us(sighting.ident, weight_us)
            busy += 5 * cpu > weight_us
            actor = sighting.runner in self._marks.actors
            seen.append(Seen(sighting.key, actor, sighting.part, sighting.stack, wall, min(wall, cpu)))
        for key, stack, part, running in on_loop:
            seen.append(Seen(key, False, part, stack, wall, min(wall, loop_cpu) if running else 0))
        self._crowd = busy > 1
        return seen
