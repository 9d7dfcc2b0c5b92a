"""Names of the expressions and layers in a graph that is about to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask.highlevelgraph import HighLevelGraph

from lineitem.agent.common._names import inner_names

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NAMES = 20_000
#: Keys of a graph without layers that are looked at.
MAX_KEYS = 100_000
#: Expressions that hold a graph of other names and have no tasks of their own.
WRAPPERS = frozenset({"LLGExpr", "HLGExpr", "_HLGExprGroup", "_HLGExprSequence", "_ExprSequence"})


def names_in(graph: Any, bases: tuple[type, ...]) -> list[str]:
    """List names in a graph, each once; at most ``MAX_NAMES``.

    Parameters
    ----------
    graph
        What Dask's client sends: an expression, a graph with layers, or a plain dictionary.
    bases
        The classes that all expressions have in common.
    """
    names: dict[str, None] = {}
    seen: set[int] = set()
    stack = [graph]
    while stack and len(names) < MAX_NAMES:
        node = stack.pop()
        if isinstance(node, HighLevelGraph):
            _add_layers(names, node)
        elif isinstance(node, dict):
            _add_keys(names, node)
        elif bases and isinstance(node, bases):
            if id(node) in seen:
                continue
            seen.add(id(node))
            if type(node).__name__ not in WRAPPERS:
                names[node._name] = None  # type: ignore[attr-defined]
            for operand in node.operands:  # type: ignore[attr-defined]
                if isinstance(operand, (*bases, HighLevelGraph, dict)):
                    if not isinstance(operand, dict) or type(node).__name__ == "LLGExpr":
                        stack.append(operand)
                elif type(operand) in (list, tuple) and operand and isinstance(operand[0], bases):
                    stack.extend(operand)  # the parts of a fused expression
    return list(names)


def _add_layers(names: dict[str, None], graph: HighLevelGraph) -> None:
    for name, layer in graph.layers.items():
        if type(name) is str and not name.isdecimal():
            names[name] = None
        mapping = getattr(layer, "mapping", None)
        if isinstance(mapping, dict) and (type(name) is not str or name.isdecimal()):
            _add_keys(names, mapping)  # expressions that were turned into a graph before they came here


def _add_keys(names: dict[str, None], graph: Mapping[Any, Any]) -> None:
    for number, (key, task) in enumerate(graph.items()):
        name = key[0] if type(key) is tuple and key else key
        if type(name) is str and name not in names:
            names[name] = None
            # Before 2025 fused expressions come as tasks; those of one name hold sub-tasks of the same names.
            names.update(dict.fromkeys(inner_names(task)))
        if number >= MAX_KEYS or len(names) >= MAX_NAMES:
            return
