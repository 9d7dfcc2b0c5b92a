"""Noting the line of user code when an expression or a layer is made."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from lineitem.origins._inherit import find_source
from lineitem.origins._places import (
    BOUNDARY,
    EXPRESSION,
    LIBRARY,
    LOOP,
    REWRITE,
    UNPICKLE,
    USER,
    Places,
    user_code_classifier,
)
from lineitem.origins._table import MAX_CALLERS, Entry, Names, Origins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

MAX_FRAMES = 150
MAX_ERRORS = 20
#: The mean cost of a hook, in nanoseconds, above which expressions of the optimiser no longer inherit.
BUDGET_NS = 10_000
#: Of all calls one in this many is timed, and the mean counts once there are enough of them.
_TIMED_ONE_IN = 16
_ENOUGH = 200

FULL = "full"
CAPTURE = "capture"
SUBMISSION = "submission"


class Capture:
    """The client's knowledge of who created what, and the hooks' entry points.

    Parameters
    ----------
    classify
        Makes the classifier of file names; it is called when the first line is to be noted.
    """

    def __init__(self, classify: Callable[[], Callable[[str], str]] | None = None) -> None:
        self.names = Names()
        self.origins = Origins()
        self.places = Places(classify or _default_classifier)
        self.bases: tuple[type, ...] = ()
        self.errors = 0
        self.inherits = True
        self.on = True
        self._calls = 0
        self._timed = 0
        self._timed_ns = 0

    # -- the hooks --------------------------------------------------------------------------------------------------

    def expression(self, made: Any, base: type, frame: FrameType | None) -> None:
        """Note an expression that has just been made; called from the hook on its constructor. Never raises."""
        if not self.on:
            return
        try:
            self._calls += 1
            if self._calls % _TIMED_ONE_IN:
                self._expression(made, base, frame)
            else:
                begin = time.perf_counter_ns()
                self._expression(made, base, frame)
                self._note_cost(time.perf_counter_ns() - begin)
        except Exception:
            self.failed("an expression")

    def layer(self, name: Any, frame: FrameType | None) -> None:
        """Note a layer that user code has just added to a graph. Never raises."""
        if not self.on:
            return
        try:
            if type(name) is str and not name.isdecimal():
                origin = self.user_line(frame)
                if origin:
                    self.names.note_user(name, origin)
        except Exception:
            self.failed("a layer")

    def new_layers(self, layers: Iterable[Any], frame: FrameType | None) -> None:
        """Note the layers of a graph that nothing is known of yet. Never raises."""
        if not self.on:
            return
        try:
            known = self.names.get
            fresh = [name for name in layers if type(name) is str and known(name) is None and not name.isdecimal()]
            if fresh:
                origin = self.user_line(frame)
                if origin:
                    for name in fresh:
                        self.names.note_user(name, origin)
        except Exception:
            self.failed("layers")

    def failed(self, what: str) -> None:
        """Count an error; after twenty the hooks are off."""
        self.errors += 1
        logger = logging.getLogger("lineitem")
        if self.errors == 1:
            logger.info("Lineitem could not note the line that made %s.", what, exc_info=True)
        if self.errors >= MAX_ERRORS and self.on:
            self.on = False
            logger.warning(
                "Lineitem no longer notes which line created a piece of work, after %d errors. Work is not affected; its "
                "cost goes to the line that asked for it. LINEITEM_ORIGINS=off turns this part off from the start.",
                self.errors,
            )

    # -- walking ----------------------------------------------------------------------------------------------------

    def user_line(self, frame: FrameType | None, *, through_loops: bool = False) -> int:
        """Return the origin of the innermost line of user code, 0 if an optimiser or an event loop comes first."""
        kinds = self.places.kinds
        for _ in range(MAX_FRAMES):
            if frame is None:
                return 0
            code = frame.f_code
            kind = kinds.get(id(code)) or self.places.classify(code)
            if kind == USER:
                return self._with_callers(frame)
            if kind == BOUNDARY or (kind in (LOOP, REWRITE, UNPICKLE) and not through_loops):
                return 0
            frame = frame.f_back
        return 0

    def _with_callers(self, frame: FrameType) -> int:
        kinds = self.places.kinds
        chain = [frame]
        outer = frame.f_back
        for _ in range(MAX_FRAMES):
            if outer is None:
                break
            code = outer.f_code
            kind = kinds.get(id(code)) or self.places.classify(code)
            if kind == USER:
                chain.append(outer)
                if len(chain) > MAX_CALLERS:
                    break
            elif kind == BOUNDARY:
                break
            outer = outer.f_back
        return self.origins.intern(chain)

    def _expression(self, made: Any, base: type, frame: FrameType | None) -> None:
        kinds = self.places.kinds
        passed: list[FrameType] = []
        loop_passed = False
        for _ in range(MAX_FRAMES):
            if frame is None:
                break
            code = frame.f_code
            kind = kinds.get(id(code)) or self.places.classify(code)
            if kind == LIBRARY:
                pass
            elif kind == EXPRESSION:
                passed.append(frame)
            elif kind == USER:
                if not loop_passed:
                    origin = self._with_callers(frame)
                    if origin:
                        self.names.note_user(made._name, origin)
                    return
                break
            elif kind == LOOP:
                # The loop's own locals count only if the expression is made by the loop and not by a method below it.
                passed.append(frame)
                loop_passed = True
                break
            elif kind == REWRITE:
                passed.append(frame)
                loop_passed = True
                break
            else:  # read from a pickle, or made by an event loop's own doing
                return
            frame = frame.f_back
        if loop_passed and self.inherits:
            self._inherit(made, base, passed)

    def _inherit(self, made: Any, base: type, frames: list[FrameType]) -> None:
        source: Entry | None = None
        if type(made).__name__ == "Fused":
            # What a fused expression yields is what its last operation yields, which comes first.
            source = self.names.get(made.operands[0][0]._name)
        if source is None:
            source = find_source(made, frames, base, self.names)
        if source is not None:
            self.names.note_inherited(made._name, source)

    # -- cost -------------------------------------------------------------------------------------------------------

    def _note_cost(self, ns: int) -> None:
        self._timed += 1
        self._timed_ns += min(ns, 1_000_000)  # a thread that was put to sleep says nothing about our cost
        if self._timed >= _ENOUGH:
            mean = self._timed_ns / self._timed
            if mean > BUDGET_NS and self.inherits:
                self.inherits = False
                logging.getLogger("lineitem").info(
                    "Noting the line that created a piece of work takes %.0f us here: Lineitem goes by names and tokens only.",
                    mean / 1000,
                )
            self._timed //= 2
            self._timed_ns //= 2

    @property
    def level(self) -> str:
        """How much is noted: ``full``, ``capture`` (nothing is inherited), ``submission`` (only the line that asked)."""
        if not self.on or not self.bases:
            return SUBMISSION
        return FULL if self.inherits else CAPTURE

    def mean_us(self) -> float:
        """Return the mean cost of noting one expression, in microseconds."""
        return self._timed_ns / self._timed / 1000 if self._timed else 0.0


def _default_classifier() -> Callable[[str], str]:
    import dask.config

    return user_code_classifier(dask.config.get("lineitem.user-code", []))


def caller(depth: int = 2) -> FrameType | None:
    """Return the frame of whoever called the hook."""
    return sys._getframe(depth)
