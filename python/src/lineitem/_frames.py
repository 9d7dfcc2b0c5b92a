"""Answers to questions of cost as tables of pyarrow and pandas. Neither is needed for anything else, so both are imported here only."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def need(*modules: str) -> None:
    """Say what is missing before anything is asked for."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"Costs as a table need {' and '.join(missing)}; nothing was asked. Install it with `pip install {' '.join(missing)}`, "
            "or use cost_breakdown, which needs nothing."
        )


def arrow(file: bytes) -> pa.Table:
    """Read an Arrow file; its schema's metadata says which question it answers."""
    import pyarrow as pa

    with pa.ipc.open_file(pa.BufferReader(file)) as reader:
        return reader.read_all()


def frame(file: bytes) -> pd.DataFrame:
    """Read an Arrow file; what the columns do not say is in ``attrs``."""
    table = arrow(file)
    read: pd.DataFrame = table.to_pandas()
    prefix = b"lineitem."
    for key, value in (table.schema.metadata or {}).items():
        if key.startswith(prefix):
            read.attrs[key.removeprefix(prefix).decode()] = value.decode()
    return read
