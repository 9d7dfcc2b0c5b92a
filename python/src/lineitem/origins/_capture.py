"""Noting the line of user code when an expression or a layer is made."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from lineitem.origins._graphs import WRAPPERS
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
#: The mean time of a hook in nanoseconds, and its share in that of the constructors that it hooks. Where both are above
#: this, expressions of the optimiser no longer inherit. Constructors take a quarter to a third of what optimising takes, so
#: that half of their time is 15 % of it.
BUDGET_NS = 10_000
BUDGET_SHARE = 0.5
#: Of all calls one in this many is timed, and the mean counts once there are enough of them.
TIMED_ONE_IN = 32
_ENOUGH = 200
_SLEPT_NS = 200_000

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
        self.calls = 0
        self._timed = 0
        self._timed_ns = 0
        self._made_ns = 0

    # -- the hooks --------------------------------------------------------------------------------------------------

    def make(  # noqa: PLR0917 - called for every expression: keywords would cost
        self, make: Callable[..., Any], base: type, cls: Any, args: Any, kwargs: Any, frame: FrameType
    ) -> Any:
        """Make an expression and note it: the hook on the constructor. What is noted never gets in the way."""
        self.calls += 1
        if self.calls % TIMED_ONE_IN or not self.on:
            made = make(cls, *args, **kwargs)
            self.expression(made, base, frame)
            return made
        begin = time.perf_counter_ns()
        made = make(cls, *args, **kwargs)
        then = time.perf_counter_ns()
        self.expression(made, base, frame)
        self.note_cost(time.perf_counter_ns() - then, then - begin)
        return made

    def expression(self, made: Any, base: type, frame: FrameType | None) -> None:
        """Note an expression that has just been made. Never raises."""
        if not self.on:
            return
        try:
            self._expression(made, base, frame)
        except Exception:
            self.failed("an expression")

    def layer(self, name: Any, frame: FrameType | None) -> None:
        """Note a layer that user code has just added to a graph. Never raises."""
        if not self.on:
            return
        try:
            if type(name) is str and not name.isdecimal():
                found = self.line_behind(frame)
                if found is None:
                    return
                if found.by_user:
                    self.names.note_user(name, found.origin)
                else:
                    self.names.note_inherited(name, found)
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
                found = self.line_behind(frame)
                # A graph's optimiser joins names; what it makes has the token of a layer that is known.
                if found is not None and found.by_user:
                    for name in fresh:
                        self.names.note_user(name, found.origin)
        except Exception:
            self.failed("layers")

    def failed(self, what: str) -> None:
        """Count an error; after twenty the hooks are off."""
        self.errors += 1
        logger = logging.getLogger("lineitem")
        if self.errors == 1:
            logger.info("Lineitem could not note the line that made %s.", what, exc_info=True)  # noqa: LOG014 - callers are in an except block
        if self.errors >= MAX_ERRORS and self.on:
            self.on = False
            logger.warning(
                "Lineitem no longer notes which line created a piece of work, after %d errors. Work is not affected; its "
                "cost goes to the line that asked for it. LINEITEM_ORIGINS=off turns this part off from the start.",
                self.errors,
            )

    # -- walking ----------------------------------------------------------------------------------------------------

    def line_behind(self, frame: FrameType | None, *, through_loops: bool = False) -> Entry | None:
        """Find who asked for something that is no expression: a layer, or a graph that is sent.

        Parameters
        ----------
        frame
            Where it is made.
        through_loops
            Whether a line of user code counts even if an optimiser comes before it.

        Returns
        -------
        Entry or None
            The innermost line of user code; but what an expression does while it is optimised, as gathering statistics, has that
            expression's origin. ``None`` if an optimiser or an event loop is all there is.
        """
        kinds = self.places.kinds
        owner: Entry | None = None
        loop_passed = False
        for _ in range(MAX_FRAMES):
            if frame is None:
                return None
            code = frame.f_code
            kind = kinds.get(id(code)) or self.places.classify(code)
            if kind == USER:
                if loop_passed and not through_loops:
                    return None
                origin = self._with_callers(frame)
                return Entry(origin, (), by_user=True, epoch=self.names.epoch) if origin else None
            if kind in (BOUNDARY, UNPICKLE):
                return None
            if kind in (EXPRESSION, REWRITE) and owner is None:
                node = frame.f_locals.get("self")
                if isinstance(node, self.bases):
                    owner = self.names.get(node._name)  # type: ignore[attr-defined]
            if kind in (LOOP, REWRITE):
                if owner is not None:
                    return owner if not owner.by_user else Entry(owner.origin, owner.shared, by_user=False, epoch=0)
                loop_passed = True
            frame = frame.f_back
        return None

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
        if type(made).__name__ in WRAPPERS:
            return  # one for each submit(): they would drive all other names out
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

    def note_cost(self, own_ns: int, dask_ns: int) -> None:
        """Note what one hook has cost, and what the constructor itself; drop the dear part if it has become too much."""
        self._timed += 1
        # A thread that was put to sleep says nothing about cost. (A thread's own clock takes longer than what is timed here.)
        self._timed_ns += min(own_ns, _SLEPT_NS)
        self._made_ns += min(dask_ns, 10 * _SLEPT_NS)
        if self._timed < _ENOUGH:
            return
        mean, share = self._timed_ns / self._timed, self._timed_ns / max(1, self._made_ns)
        if mean > BUDGET_NS and share > BUDGET_SHARE and self.inherits:
            self.inherits = False
            # What was inherited before would be taken for what is inherited now.
            self.names.forget_inherited()
            logging.getLogger("lineitem").info(
                "Noting the line that created a piece of work takes %.0f us here, %.0f %% of what Dask takes to make it: "
                "Lineitem goes by names and tokens only.",
                mean / 1000,
                100 * share,
            )
        self._timed //= 2
        self._timed_ns //= 2
        self._made_ns //= 2

    @property
    def level(self) -> str:
        """How much is noted: ``full``, ``capture`` (nothing is inherited), ``submission`` (only the line that asked)."""
        if not self.on or not self.bases:
            return SUBMISSION
        known = all(relied_on(base) for base in self.bases)
        return FULL if self.inherits and known else CAPTURE

    @property
    def cost(self) -> tuple[float, float]:
        """The mean time of noting one expression in microseconds, and its share in that of making it."""
        return self._timed_ns / max(1, self._timed) / 1000, self._timed_ns / max(1, self._made_ns)


def relied_on(base: type) -> bool:
    """Tell whether Dask's optimiser is made as inheritance needs it: its methods are told by their names."""
    methods = ("_simplify_down", "_simplify_up", "_lower", "_tune_up", "simplify_once", "lower_once", "rewrite")
    return all(callable(getattr(base, name, None)) for name in methods)


def _default_classifier() -> Callable[[str], str]:
    import dask.config

    return user_code_classifier(dask.config.get("lineitem.user-code", []))
