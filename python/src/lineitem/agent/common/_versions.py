"""Which Dask the agent runs with. This must be importable with any."""

from __future__ import annotations

import importlib.util
import re

import distributed

_OLDEST = (2024, 9)


def unsupported(version: str | None = None) -> str:
    """Return why the agent does not run with this Dask, as a sentence; empty if it does.

    Parameters
    ----------
    version
        Of ``distributed``; that of this process if not given.
    """
    found = str(distributed.__version__) if version is None else version
    parts = re.match(r"(\d+)\.(\d+)", found)
    # A development version says nothing useful in its number; what counts is that graphs are made of task objects.
    old = (
        tuple(map(int, parts.groups())) < _OLDEST
        if parts and found[0] != "0"
        else importlib.util.find_spec("dask._task_spec") is None
    )
    if not old:
        return ""
    return f"Lineitem's agent needs distributed {_OLDEST[0]}.{_OLDEST[1]} or later, and this scheduler has {found}"
