"""The bill of a cluster: which line of code cost what."""
# ruff: noqa: TC001, TC003 -- the decoder resolves the annotations at run time.

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from lineitem._models import RateCard
from lineitem._money import format_money, to_decimal

if TYPE_CHECKING:
    import pandas as pd


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
class Bill:
    """Where the money of one cluster went, in ``[start, as_of)``.

    The parts are exact: the total is the sum of ``lines``, ``categories`` and ``unknown_nanos``, to the nano-unit.

    Attributes
    ----------
    lines : tuple of BillLine
        Lines of user code, dearest first.
    categories : tuple of BillCategory
        All else that is known: idle by reason, overhead, unattributed work; dearest first.
    unknown_nanos : int
        What was not observed.
    origin_seconds, work_seconds : float
        How much of the work's time stands on the line that created it.
    method : str
        ``agent``, or ``sampled`` where the cluster was only looked at from outside.
    """

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

    @property
    def total(self) -> Decimal:
        """The total in units of the currency, exactly."""
        return to_decimal(self.total_nanos)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the bill as a pandas frame, one row for each line, category and the unknown; their costs sum to the total.

        Returns
        -------
        pandas.DataFrame
            Columns ``kind`` (``line``, ``category`` or ``unknown``), ``name``, ``file``, ``line``, ``function``, ``text``,
            ``cost_nanos``, ``cost``, ``thread_seconds``, ``cpu_seconds``.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("Bill.to_dataframe needs pandas, which is not installed: pip install pandas.") from error
        rows = [
            (
                "line",
                f"{b.file}:{b.line}",
                b.file,
                b.line,
                b.function,
                b.text,
                b.cost_nanos,
                b.thread_seconds,
                b.cpu_seconds,
            )
            for b in self.lines
        ]
        rows += [
            ("category", c.name, "", 0, "", "", c.cost_nanos, c.thread_seconds, float("nan")) for c in self.categories
        ]
        unseen = max(0.0, self.capacity_seconds - self.coverage_seconds)
        rows.append(("unknown", "unknown", "", 0, "", "", self.unknown_nanos, unseen, float("nan")))
        columns = ["kind", "name", "file", "line", "function", "text", "cost_nanos", "thread_seconds", "cpu_seconds"]
        frame = pd.DataFrame(rows, columns=columns)
        frame.insert(7, "cost", frame["cost_nanos"] / 1e9)
        return frame

    def __str__(self) -> str:
        from lineitem._view import bill_text

        return bill_text(self)

    def __repr__(self) -> str:
        total = format_money(self.total_nanos, self.currency)
        return (
            f"<Bill of {self.cluster_id}: {total}, {len(self.lines)} lines, as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC>"
        )

    def _repr_html_(self) -> str:
        from lineitem._html import bill_html

        return bill_html(self)
