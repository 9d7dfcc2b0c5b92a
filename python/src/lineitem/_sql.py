"""What a statement of SQL answers."""
# ruff: noqa: TC003 -- the decoder resolves the annotations at run time.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_HUGE = {"HUGEINT", "UBIGINT", "UHUGEINT"}
_TIMES = {"TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}


@dataclass(frozen=True, kw_only=True)
class SQLColumn:
    """A column of an answer; the type is DuckDB's name of it."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class SQLResult:
    """What a statement answered.

    Rows are as the server writes them: whole numbers beyond 2**53, decimals and times are texts. :meth:`to_dataframe` makes them what they are.
    Where there were more rows, ``more`` is true and ``cut`` says why they are not here.
    """

    columns: tuple[SQLColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    row_count: int
    more: bool
    cut: str
    tables: tuple[str, ...]
    loaded_rows: int
    bytes: int
    milliseconds: int
    as_of: datetime

    def to_dataframe(self) -> pd.DataFrame:
        """Return the rows as a pandas frame.

        Whole numbers are ``Int64``, larger ones Python's integers; decimals are :class:`decimal.Decimal`, so that money stays exact; times are in UTC.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "SQLResult.to_dataframe needs pandas, which is not installed: pip install pandas."
            ) from error
        series = [_series(pd, c.type, [row[i] for row in self.rows]) for i, c in enumerate(self.columns)]
        frame = pd.DataFrame(dict(enumerate(series)), index=range(len(self.rows)))
        frame.columns = pd.Index([c.name for c in self.columns])
        return frame


def _series(pd: Any, kind: str, values: list[Any]) -> Any:
    if kind in _WHOLE:
        return pd.array(_each(int, values), dtype="Int64")
    if kind in _HUGE:
        return pd.Series(_each(int, values), dtype="object")
    if kind.startswith("DECIMAL") and not kind.endswith("]"):
        return pd.Series(_each(Decimal, values), dtype="object")
    if kind in {"DOUBLE", "FLOAT"}:
        return pd.array(_each(float, values), dtype="Float64")
    if kind == "BOOLEAN":
        return pd.array(values, dtype="boolean")
    if kind in _TIMES:
        return pd.to_datetime(pd.Series(values, dtype="object"), utc=True, format="ISO8601")
    if kind == "DATE":
        return pd.to_datetime(pd.Series(values, dtype="object"), format="ISO8601")
    return pd.Series(values, dtype="object")


def _each(make: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    return [None if v is None else make(v) for v in values]
