"""Which expression a machine-made one descends from.

The optimiser is not patched. When it makes an expression, the frames between the constructor and the innermost method
that rewrites hold the expressions it works on. The one most alike the new one passes its origin on: a filter pushed
below a projection stays with the filter's line, a fused reader with the line that reads, a join's shuffle with the join.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from lineitem.origins._table import Entry, Names

_LOCALS = ("self", "parent", "out", "expr")
#: Classes that say nothing about what an expression does.
_GENERIC = frozenset({"object", "Expr", "SingletonExpr", "Blockwise", "Elemwise", "ArrayExpr", "ABC", "Generic"})
_SAME = 1_000
_MAX_CLASSES = 2_000

_likeness: dict[tuple[type, type], int] = {}


def likeness(one: type, other: type) -> int:
    """Tell how alike two classes of expressions are: very if they are the same, else by the specific bases they share."""
    found = _likeness.get((one, other))
    if found is None:
        if len(_likeness) >= _MAX_CLASSES:
            _likeness.clear()
        if one is other:
            found = _SAME
        else:
            found = sum(base.__name__ not in _GENERIC for base in set(one.__mro__) & set(other.__mro__))
        _likeness[(one, other)] = found
    return found


def find_source(expression: Any, frames: list[FrameType], base: type, names: Names) -> Entry | None:
    """Choose the entry that a new expression inherits.

    Parameters
    ----------
    expression
        What the optimiser has just made.
    frames
        Frames of expressions' methods from the constructor outwards; the last one is the method or loop that rewrites.
    base
        The class of all expressions.
    names
        What is known so far.
    """
    kind = type(expression)
    best: Entry | None = None
    best_score = 0
    rewritten: Entry | None = None
    for frame in frames:
        found = frame.f_locals
        for local in _LOCALS:
            node = found.get(local)
            if not isinstance(node, base) or node is expression:
                continue
            entry = names.get(node._name)  # type: ignore[attr-defined]
            if entry is None:
                continue
            score = likeness(kind, type(node))
            if score > best_score:
                best, best_score = entry, score
            if local == "self" or rewritten is None:
                rewritten = entry
        if best_score >= _SAME:
            return best
    for operand in expression.operands:
        if isinstance(operand, base):
            entry = names.get(operand._name)  # type: ignore[attr-defined]
            if entry is not None:
                score = likeness(kind, type(operand))
                if score > best_score:
                    best, best_score = entry, score
    return best or rewritten
