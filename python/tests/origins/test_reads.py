from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dask
import dask.bag as db
import dask.dataframe as dd
import distributed  # noqa: F401 - Dask imports it when it computes, too late for the fixture that restores its settings
import pandas as pd
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
from dask._task_spec import Task, convert_legacy_graph
from dask.utils import key_split

from lineitem.agent.common._names import name_of
from lineitem.agent.scheduler._reads import BUDGET_NS, ReadBook, accesses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 120


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    table = pd.DataFrame({"x": range(ROWS), "y": range(ROWS), "z": ["a"] * ROWS})
    for number in range(3):
        table.to_csv(tmp_path / f"d-{number}.csv", index=False)
        table.to_csv(tmp_path / f"g-{number}.csv.gz", index=False)
        (tmp_path / f"j-{number}.json").write_text(table.to_json(orient="records", lines=True))
    (tmp_path / "pq").mkdir()
    (tmp_path / "orc").mkdir()
    for number in range(3):
        pyarrow.parquet.write_table(pa.Table.from_pandas(table), tmp_path / "pq" / f"part.{number}.parquet")
        pyarrow.orc.write_table(pa.table({"x": range(ROWS), "y": range(ROWS)}), tmp_path / "orc" / f"part.{number}.orc")
    with dask.config.set(scheduler="sync"):
        yield tmp_path


def graph_of(collection: Any, *, fuse: bool = False) -> list[Any]:
    """The tasks that a scheduler would get."""
    if hasattr(collection, "expr"):
        graph = collection.expr.optimize(fuse=fuse).__dask_graph__()
    else:
        (made,) = dask.optimize(collection)
        graph = made.__dask_graph__()
    specs = convert_legacy_graph(dict(graph))
    return [
        SimpleNamespace(key=key, run_spec=spec, prefix=SimpleNamespace(name=key_split(key)))
        for key, spec in specs.items()
    ]


def rows_of(collection: Any, *, fuse: bool = False, budget_ns: int = 10**12) -> list[dict[str, Any]]:
    book = ReadBook()
    tasks = graph_of(collection, fuse=fuse)
    book.note(tasks, 1, [7] * len(tasks), budget_ns=budget_ns)
    return book.take()


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(rows) == 1, rows
    return rows[0]


@pytest.mark.parametrize("fuse", [False, True])
def test_csv(data: Path, fuse: bool) -> None:
    row = only(rows_of(dd.read_csv(str(data / "d-*.csv"))[["x"]], fuse=fuse))
    size = sum((data / f"d-{number}.csv").stat().st_size for number in range(3))
    assert row["path"] == f"{data}/d-*.csv"
    assert (row["direction"], row["format"], row["engine"], row["compression"]) == ("read", "csv", "c", "")
    assert (row["files"], row["tasks"], row["bytes"]) == (3, 3, size)
    assert (row["columns"], row["columns_used"]) == (3, 1)
    assert (row["submission"], row["origin"]) == (1, 7)


def test_csv_with_options_and_compression(data: Path) -> None:
    frame = dd.read_csv(str(data / "g-*.csv.gz"), blocksize=None, dtype={"x": "f8"}, engine="python")
    row = only(rows_of(frame[["x", "y"]]))
    assert (row["engine"], row["compression"], row["files"]) == ("python", "gzip", 3)
    assert (row["columns"], row["columns_used"], row["pushed_down"]) == (3, 2, False)


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("filesystem", ["arrow", "fsspec"])
def test_parquet(data: Path, filesystem: str, fuse: bool) -> None:
    frame = dd.read_parquet(str(data / "pq"), filesystem=filesystem)
    row = only(rows_of(frame[["x"]] + 1, fuse=fuse))
    assert row["path"] == f"{data}/pq/part.*.parquet"
    assert (row["format"], row["files"]) == ("parquet", 3)
    assert row["engine"] == ("pyarrow" if filesystem == "arrow" else "pyarrow+fsspec")
    assert (row["columns"], row["columns_used"], row["pushed_down"]) == (3, 1, True)


def test_orc_json_and_text(data: Path) -> None:
    row = only(rows_of(dd.read_orc(str(data / "orc"))[["x"]]))
    assert (row["format"], row["files"], row["columns_used"], row["pushed_down"]) == ("orc", 3, 1, True)
    row = only(rows_of(dd.read_json(str(data / "j-*.json"), lines=True)))
    assert (row["format"], row["path"], row["files"]) == ("json", f"{data}/j-*.json", 3)
    row = only(rows_of(db.read_text(str(data / "j-*.json")).map(json.loads)))
    assert (row["format"], row["path"], row["files"]) == ("text", f"{data}/j-*.json", 3)


def test_writers(data: Path) -> None:
    frame = dd.from_pandas(pd.DataFrame({"x": range(ROWS)}), npartitions=2)
    made = frame.to_parquet(str(data / "out"), compute=False, compression="zstd")
    row = only([row for row in rows_of(made) if row["direction"] == "write"])
    assert (row["format"], row["path"], row["compression"], row["tasks"]) == ("parquet", f"{data}/out", "zstd", 2)
    parts = frame.to_csv(str(data / "out-*.csv"), compute=False)
    rows = [row for part in parts for row in rows_of(part) if row["direction"] == "write"]
    assert {row["path"] for row in rows} == {f"{data}/out-0.csv", f"{data}/out-1.csv"}
    parts = frame.to_json(str(data / "o-*.json"), compute=False)
    assert only([row for row in rows_of(parts[0]) if row["direction"] == "write"])["format"] == "json"


def test_libraries_in_user_functions(data: Path) -> None:
    row = only(rows_of(dask.delayed(pd.read_csv)(str(data / "d-0.csv"), usecols=["x"])))
    assert (row["format"], row["engine"], row["columns_used"], row["pushed_down"]) == ("csv", "pandas", 1, True)
    assert row["path"] == f"{data}/d-0.csv"


def test_no_secret_in_a_row() -> None:
    url = "https://ana:hunter2@host/flights-1.csv?X-Amz-Signature=hunter2"
    row = only(rows_of(dask.delayed(pd.read_csv)(url, storage_options={"key": "hunter2", "secret": "hunter2"})))
    assert row["path"] == "https://host/flights-1.csv"
    assert "hunter2" not in json.dumps(row)


class Nosy:
    """An object of a user's that must be left alone."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__dict__"):
            return object.__getattribute__(self, name)
        raise AssertionError(name)

    def __repr__(self) -> str:
        raise AssertionError

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = object.__hash__

    def __len__(self) -> int:
        raise AssertionError


def test_objects_of_users_are_left_alone() -> None:
    for spec in (
        Task("a", pd.read_csv, Nosy(), usecols=Nosy(), compression=Nosy()),
        Task("b", max, Nosy(), [Nosy(), {"x": Nosy()}]),
        Task("c", pd.read_csv, "x.csv", Nosy()),
    ):
        assert isinstance(accesses(spec), list)


def test_what_there_is_no_time_for_is_estimated() -> None:
    tasks = [
        SimpleNamespace(
            key=("read", number), run_spec=Task(("read", number), pd.read_csv, f"/d/x-{number}.csv"), prefix=None
        )
        for number in range(200)
    ]
    book = ReadBook()
    book.note(tasks, 1, [], budget_ns=0)
    assert book.take() == []
    book.note(tasks, 1, [], budget_ns=BUDGET_NS)
    row = only(book.take())
    assert 150 <= row["tasks"] <= 250
    assert 150 <= row["files"] <= 250
    assert row["path"] == "/d/x-*.csv"


def test_recursion_and_size_are_bounded() -> None:
    deep: Any = ["/a/b.csv"]
    for _ in range(500):
        deep = [deep]
    wide = [[f"/a/{n}.csv" for n in range(1_000)]] * 1_000
    assert isinstance(accesses(Task("a", pd.read_csv, deep, wide)), list)
    assert name_of(("a", 1)) == "a"
