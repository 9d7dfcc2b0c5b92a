"""Names in a graph: what the tasks that one expression or layer made have in common, for those who send graphs and those who read them."""

from __future__ import annotations

from types import FunctionType
from typing import Any

MAX_PART = 200
_MAX_DEPTH = 8
_MAX_INNER = 1_000


def name_of(key: Any) -> str:
    """Return the part of a key that tasks made by one expression or layer have in common."""
    if isinstance(key, tuple) and key:
        key = key[0]
    return key if isinstance(key, str) else str(key)[:MAX_PART] if isinstance(key, (int, float, bytes)) else ""


def subtasks_of(run_spec: Any) -> dict[Any, Any] | None:
    """Return the sub-tasks of a fused task by their keys, ``None`` for any other task."""
    func = getattr(run_spec, "func", None)
    # A callable object of the user's might compute its name.
    if type(func) is not FunctionType or func.__name__ != "_execute_subgraph" or not run_spec.args:
        return None
    inner = run_spec.args[0]
    return inner if type(inner) is dict else None


def inner_names(run_spec: Any) -> list[str]:
    """List the names of the sub-tasks of a fused task, those of fused tasks inside it included; none for any other task."""
    found: dict[str, None] = {}
    stack = [(run_spec, 0)]
    looked = 0
    while stack:
        spec, depth = stack.pop()
        inner = subtasks_of(spec) if depth <= _MAX_DEPTH else None
        for key, task in (inner or {}).items():
            looked += 1
            if looked > _MAX_INNER:
                return list(found)
            name = name_of(key)
            if name:
                found[name] = None
            stack.append((task, depth + 1))
    return list(found)
