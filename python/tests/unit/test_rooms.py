"""Who may import whom: the rooms of the agent, and no circles anywhere in the package."""

from __future__ import annotations

import ast
import json
import zlib
from pathlib import Path

import pytest

import lineitem
from lineitem.agent import _ship

#: What the modules of a room may import of the package. The longest name that fits counts.
RULES: dict[str, tuple[str, ...]] = {
    "agent.common": ("agent.common",),
    "agent.worker": ("agent.worker", "agent.common"),
    "agent.scheduler": ("agent.scheduler", "agent.common"),
    "agent.scheduler._push": ("agent.worker._plugin",),  # the only way from there to the workers' room
    "agent": ("agent", "_config", "_starting"),
    "": ("", "agent.common", "agent._ship"),
}
ROOMS = ("agent.common", "agent.worker", "agent.scheduler")
#: The agent's only modules outside of the rooms.
ENTRANCE = {"agent", "agent.preload", "agent.worker_preload", "agent._register", "agent._ship"}


def texts_of(home: Path) -> dict[str, str]:
    """Return the text of each module of a package by its name below it; the package itself has none."""
    found = {}
    for file in home.rglob("*.py"):
        parts = file.relative_to(home).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file.read_text(encoding="utf-8")
    return found


PACKAGE = texts_of(Path(lineitem.__file__).parent)


def imports_of(text: str, known: dict[str, str]) -> set[str]:
    """Return the modules of the package that a text imports anywhere: for types and inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import, which the agent's parcel cannot rename"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole.removeprefix("lineitem.") in known else str(node.module))
    return {name.partition(".")[2] for name in names if name.partition(".")[0] == "lineitem"}


def within(module: str, room: str) -> bool:
    return not room or module == room or module.startswith(room + ".")


def allowed(module: str, wanted: str) -> bool:
    rule = max((room for room in RULES if within(module, room)), key=len)
    if wanted in ("", "agent"):
        return True  # the names that the packages themselves have: a version, a folder
    return any(within(wanted, room) for room in RULES[rule] if room or not within(wanted, "agent"))


def violations(texts: dict[str, str]) -> list[str]:
    found = []
    for name, text in texts.items():
        if within(name, "agent") and name not in ENTRANCE and not any(within(name, room) for room in ROOMS):
            found.append(f"{name} is in no room")
        for wanted in imports_of(text, texts):
            if wanted not in texts:
                found.append(f"{name} imports {wanted}, which is not there")
            elif not allowed(name, wanted):
                found.append(f"{name} imports {wanted}")
    return found


def circles(texts: dict[str, str]) -> list[tuple[str, ...]]:
    """Return the modules that import each other, however far around. Every module imports the package itself."""
    graph = {name: imports_of(text, texts) - {""} for name, text in texts.items() if name}
    reach: dict[str, set[str]] = {}
    for name in graph:
        seen: set[str] = set()
        left = [name]
        while left:
            fresh = graph.get(left.pop(), set()) - seen
            seen |= fresh
            left += fresh
        reach[name] = seen
    around = {name: [other for other in reach[name] if name in reach.get(other, ())] for name in graph}
    return sorted({tuple(sorted(others)) for others in around.values() if others})


def test_every_module_keeps_to_its_room() -> None:
    assert all(sum(within(name, room) for name in PACKAGE) > 8 for room in ROOMS)
    assert violations(PACKAGE) == []


def test_what_lies_in_a_room_travels_and_nothing_else() -> None:
    name, packed = _ship._texts()
    shipped = {module.removeprefix(name).removeprefix(".") for module in json.loads(zlib.decompress(packed))}
    assert shipped == {"", "agent"} | {module for module in PACKAGE if any(within(module, room) for room in ROOMS)}


def test_no_module_imports_itself_around_a_corner() -> None:
    assert circles(PACKAGE) == []


@pytest.mark.parametrize(
    ("module", "line", "wanted"),
    [
        ("agent.common._guard", "from lineitem.agent.worker._ledger import Ledger", "agent.worker._ledger"),
        ("agent.common._guard", "from lineitem.agent.scheduler import _http", "agent.scheduler._http"),
        ("agent.common._stacks", "if TYPE_CHECKING:\n    import lineitem.agent.worker._taps", "agent.worker._taps"),
        ("agent.worker._facts", "def late():\n    import lineitem.agent.scheduler._http", "agent.scheduler._http"),
        ("agent.worker._facts", "from lineitem._config import resolve", "_config"),
        ("agent.worker._facts", "from lineitem.agent import preload", "agent.preload"),
        ("agent.scheduler._stamps", "import lineitem.agent.worker._plugin", "agent.worker._plugin"),
        ("agent.scheduler._push", "from lineitem.agent.worker._ledger import Ledger", "agent.worker._ledger"),
        ("agent.scheduler._http", "from lineitem.agent._register import announce", "agent._register"),
        ("agent.preload", "from lineitem._cluster import Cluster", "_cluster"),
        ("_watch", "from lineitem.agent.scheduler._arrival import claim", "agent.scheduler._arrival"),
        ("origins._table", "from lineitem.agent.worker._ledger import Owner", "agent.worker._ledger"),
        ("_money", "from lineitem._gone import nothing", "_gone, which is not there"),
    ],
)
def test_a_wrong_import_is_found(module: str, line: str, wanted: str) -> None:
    assert violations({**PACKAGE, module: f"{PACKAGE[module]}\n{line}\n"}) == [f"{module} imports {wanted}"]


@pytest.mark.parametrize("module", ["agent._fresh", "agent.attic._fresh", "agent.common_"])
def test_a_module_outside_of_the_rooms_is_found(module: str) -> None:
    assert violations({**PACKAGE, module: ""}) == [f"{module} is in no room"]


def test_a_circle_is_found() -> None:
    texts = {
        "": "from lineitem import _a",
        "_a": "def late():\n    from lineitem import _b",
        "_b": "import lineitem._c",
        "_c": "if TYPE_CHECKING:\n    from lineitem._a import x",
        "_d": "import lineitem._a",
    }
    assert circles(texts) == [("_a", "_b", "_c")]
