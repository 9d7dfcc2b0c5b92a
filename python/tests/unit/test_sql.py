from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from lineitem import SQLResult, _routes
from lineitem._wire import decode


def answer(columns: list[tuple[str, str]], rows: list[list[Any]]) -> SQLResult:
    data = {
        "columns": [{"name": name, "type": kind} for name, kind in columns],
        "rows": rows,
        "row_count": len(rows),
        "more": False,
        "cut": "",
        "tables": ["lines"],
        "loaded_rows": 0,
        "bytes": 10,
        "milliseconds": 5,
        "as_of": "2026-01-05T09:00:00Z",
    }
    return decode(SQLResult, data)


def test_values_become_what_they_are() -> None:
    columns = [
        ("cost_nanos", "BIGINT"),
        ("total", "HUGEINT"),
        ("cost", "DECIMAL(18,9)"),
        ("share", "DOUBLE"),
        ("created", "BOOLEAN"),
        ("hour", "TIMESTAMP"),
        ("day", "DATE"),
        ("file", "VARCHAR"),
        ("list", "INTEGER[]"),
    ]
    first = ["9007199254740993", "170141183460469231731687303715884105727", "0.100000001", 0.5, True]
    first += ["2026-01-05T09:00:00.25Z", "2026-01-05", "a.py", [1, None]]
    frame = answer(
        columns, [first, [None] * 9, [1, 2, "3", 4, False, "2026-01-05T10:00:00Z", "2026-02-01", "", []]]
    ).to_dataframe()
    assert list(frame.columns) == [name for name, _ in columns]
    assert frame["cost_nanos"].dtype == "Int64"
    assert frame["cost_nanos"][0] == 9007199254740993
    assert frame["cost_nanos"].isna().tolist() == [False, True, False]
    assert frame["total"][0] == 2**127 - 1
    assert frame["cost"][0] == Decimal("0.100000001")
    assert frame["share"].sum() == 4.5
    assert frame["created"].tolist()[0::2] == [True, False]
    assert frame["hour"][0] == datetime(2026, 1, 5, 9, 0, 0, 250_000, tzinfo=timezone.utc)
    assert frame["hour"].isna().sum() == 1
    assert frame["day"][2] == pd.Timestamp("2026-02-01")
    assert frame["file"].tolist() == ["a.py", None, ""]
    assert frame["list"][0] == [1, None]


def test_an_answer_without_rows_has_its_columns() -> None:
    frame = answer([("a", "BIGINT"), ("a", "TIMESTAMP")], []).to_dataframe()
    assert list(frame.columns) == ["a", "a"]
    assert len(frame) == 0


@pytest.mark.parametrize("value", [float("nan"), "NaN", "Infinity"])
def test_numbers_that_json_has_no_word_for(value: Any) -> None:
    frame = answer([("x", "DOUBLE")], [[value]]).to_dataframe()
    assert not 0 < float(frame["x"].astype(object).fillna(-1)[0]) < 1e300


def test_what_is_not_given_is_not_sent() -> None:
    assert _routes.sql("select 1").body == {"sql": "select 1"}
    since = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert _routes.sql("select 1", since=since, limit=5).body == {
        "sql": "select 1",
        "since": "2026-01-01T00:00:00+00:00",
        "limit": 5,
    }
