"""The bill of a cluster as users have it: its figures, as a table, as text and in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineitem._figures import BillFigures
from lineitem._html import bill_html
from lineitem._money import format_money
from lineitem._view import bill_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Bill(BillFigures):
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

    def to_dataframe(self) -> pd.DataFrame:
        """Return the bill as a pandas frame, one row for each line, category and the unknown; their costs sum to the total.

        Returns
        -------
        pandas.DataFrame
            Columns ``kind`` (``line``, ``category`` or ``unknown``), ``name``, ``file``, ``line``, ``function``, ``text``
            (where threads stood), ``cost_nanos``, ``cost``, ``thread_seconds``, ``cpu_seconds``, ``native_seconds``,
            ``origin_file``, ``origin_line``, ``origin_text`` (what created the work), ``operation``, ``library``.

        Examples
        --------
        >>> frame = cluster.bill().to_dataframe()  # doctest: +SKIP
        >>> frame.groupby(["origin_file", "origin_line", "operation"])["cost"].sum()  # doctest: +SKIP
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
                b.native_seconds,
                b.origin_file,
                b.origin_line,
                b.origin_text,
                b.operation,
                b.library,
            )
            for b in self.lines
        ]
        none = (float("nan"), float("nan"), "", 0, "", "", "")
        rows += [("category", c.name, "", 0, "", "", c.cost_nanos, c.thread_seconds, *none) for c in self.categories]
        unseen = max(0.0, self.capacity_seconds - self.coverage_seconds)
        rows.append(("unknown", "unknown", "", 0, "", "", self.unknown_nanos, unseen, *none))
        columns = ["kind", "name", "file", "line", "function", "text", "cost_nanos", "thread_seconds", "cpu_seconds"]
        columns += ["native_seconds", "origin_file", "origin_line", "origin_text", "operation", "library"]
        frame = pd.DataFrame(rows, columns=columns)
        frame.insert(7, "cost", frame["cost_nanos"] / 1e9)
        return frame

    def __str__(self) -> str:
        return bill_text(self)

    def __repr__(self) -> str:
        total = format_money(self.total_nanos, self.currency)
        return (
            f"<Bill of {self.cluster_id}: {total}, {len(self.lines)} lines, as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC>"
        )

    def _repr_html_(self) -> str:
        return bill_html(self)
