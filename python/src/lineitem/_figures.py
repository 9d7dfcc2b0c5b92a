"""The figures of a bill: which line of code cost what, and what a later bill has that an earlier one had not."""
# ruff: noqa: TC001, TC003 -- the decoder resolves the annotations at run time.

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from lineitem._models import GPUCost, PriceUse, RateCard
from lineitem._money import to_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self


_NO_TIME = 1e-6


@dataclass(frozen=True, kw_only=True)
class BillPrefix:
    """The part of a line's cost spent in tasks of one Dask prefix."""

    prefix: str
    cost_nanos: int
    thread_seconds: float


@dataclass(frozen=True, kw_only=True)
class BillLine:
    """What one line of user code cost, for work that one line created. A file is ``cell:<hash>`` for a notebook cell.

    Attributes
    ----------
    file, line, function, text
        Where the threads stood.
    origin_file, origin_line, origin_function, origin_text
        The line that created the work, or the one that submitted it: ``origin_level`` is ``created`` or ``submitted``.
    thread_seconds, cpu_seconds, native_seconds : float
        Time of the tasks' threads; what of it was on a core; native parallelism beside it. The cost covers first and last.
    operation, library : str
        What kind of work it was (``read.csv``), and which top-level module did it.
    """

    file: str
    line: int
    function: str
    text: str
    cost_nanos: int
    thread_seconds: float
    cpu_seconds: float
    native_seconds: float = 0.0
    origin_file: str = ""
    origin_line: int = 0
    origin_function: str = ""
    origin_text: str = ""
    origin_level: str = "submitted"
    shared_with: tuple[str, ...] = ()
    operation: str = "unknown"
    library: str = ""
    prefixes: tuple[BillPrefix, ...]

    @property
    def cost(self) -> Decimal:
        """The cost in units of the bill's currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class BillCategory:
    """Money that is on no line: ``idle.<reason>``, ``overhead.<part>`` or ``unattributed``."""

    name: str
    cost_nanos: int
    thread_seconds: float

    @property
    def cost(self) -> Decimal:
        """The cost in units of the bill's currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class BillFigures:
    """The figures of a :class:`lineitem.Bill`, which describes them, without its looks."""

    cluster_id: str
    currency: str
    start: datetime
    as_of: datetime
    total_nanos: int
    lines: tuple[BillLine, ...]
    categories: tuple[BillCategory, ...]
    unknown_nanos: int
    coverage_seconds: float
    capacity_seconds: float
    origin_seconds: float = 0.0
    work_seconds: float = 0.0
    rules_version: int = 0
    method: str = "agent"
    rates: RateCard
    prices: tuple[PriceUse, ...] = ()
    gpus: tuple[GPUCost, ...] = ()

    @property
    def total(self) -> Decimal:
        """The total in units of the currency, exactly."""
        return to_decimal(self.total_nanos)

    def since(self, earlier: BillFigures) -> Self:
        """Return what this bill has that an earlier one of the same cluster had not.

        What was not observed then and is known now counts as known, and a line on which no time was spent since then is not
        part of it, even if it costs a nano-unit more or less by now. The largest category takes the difference, so that the parts
        still sum to the total.

        Parameters
        ----------
        earlier : Bill
            The bill as it was.
        """
        if earlier.cluster_id != self.cluster_id:
            raise ValueError(f"These are the bills of two clusters: {earlier.cluster_id} and {self.cluster_id}.")
        changed = [_minus(line, before) for line, before in _paired(self.lines, earlier.lines, _line_key)]
        lines = [
            line for line in changed if line.cost_nanos > 0 and line.thread_seconds + line.native_seconds > _NO_TIME
        ]
        categories = [_minus(part, before) for part, before in _paired(self.categories, earlier.categories, _name)]
        unknown = self.unknown_nanos - earlier.unknown_nanos
        owed = sum(line.cost_nanos for line in changed) - sum(line.cost_nanos for line in lines) + min(0, unknown)
        owed += sum(part.cost_nanos for part in categories if part.cost_nanos < 0)
        kept = sorted((part for part in categories if part.cost_nanos > 0), key=lambda part: -part.cost_nanos)
        if owed and kept:
            kept[0] = replace(kept[0], cost_nanos=kept[0].cost_nanos + owed)
        elif owed:
            kept = [BillCategory(name="unattributed", cost_nanos=owed, thread_seconds=0.0)]
        return replace(
            self,
            start=earlier.as_of,
            total_nanos=self.total_nanos - earlier.total_nanos,
            lines=tuple(sorted(lines, key=lambda line: -line.cost_nanos)),
            categories=tuple(kept),
            unknown_nanos=max(0, unknown),
            coverage_seconds=max(0.0, self.coverage_seconds - earlier.coverage_seconds),
            capacity_seconds=max(0.0, self.capacity_seconds - earlier.capacity_seconds),
            origin_seconds=max(0.0, self.origin_seconds - earlier.origin_seconds),
            work_seconds=max(0.0, self.work_seconds - earlier.work_seconds),
            gpus=tuple(_gpus_since(self.gpus, earlier.gpus)),
        )


def _gpus_since(now: Iterable[GPUCost], before: Iterable[GPUCost]) -> Iterator[GPUCost]:
    known = {gpu.model: gpu for gpu in before}
    for gpu in now:
        was = known.get(gpu.model)
        part = gpu
        if was is not None:
            part = replace(
                gpu,
                seconds=gpu.seconds - was.seconds,
                unpriced_seconds=gpu.unpriced_seconds - was.unpriced_seconds,
                cost_nanos=gpu.cost_nanos - was.cost_nanos,
                idle_cost_nanos=gpu.idle_cost_nanos - was.idle_cost_nanos,
            )
        if part.seconds > 0:
            yield part


P = TypeVar("P", BillLine, BillCategory, BillPrefix)


def _line_key(line: BillLine) -> tuple[Any, ...]:
    return line.file, line.line, line.function, line.origin_file, line.origin_line, line.operation, line.library


def _name(part: BillCategory) -> str:
    return part.name


def _prefix(part: BillPrefix) -> str:
    return part.prefix


def _paired(now: Iterable[P], before: Iterable[P], key: Callable[[P], Any]) -> Iterator[tuple[P, P | None]]:
    known = {key(part): part for part in before}
    for part in now:
        yield part, known.pop(key(part), None)
    for gone in known.values():  # classified in another way by now
        yield _nothing_of(gone), gone


def _nothing_of(part: P) -> P:
    return _minus(part, part)


def _minus(part: P, before: P | None) -> P:
    """Return a part without what there was of it before."""
    if before is None:
        return part
    changes: dict[str, Any] = {
        "cost_nanos": part.cost_nanos - before.cost_nanos,
        "thread_seconds": max(0.0, part.thread_seconds - before.thread_seconds),
    }
    if isinstance(part, BillLine):
        was: Any = before
        changes["cpu_seconds"] = max(0.0, part.cpu_seconds - was.cpu_seconds)
        changes["native_seconds"] = max(0.0, part.native_seconds - was.native_seconds)
        prefixes = [_minus(p, b) for p, b in _paired(part.prefixes, was.prefixes, _prefix)]
        changes["prefixes"] = tuple(prefix for prefix in prefixes if prefix.cost_nanos > 0)
    return replace(part, **changes)
