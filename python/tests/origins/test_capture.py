from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import distributed  # noqa: F401 - Dask imports it when it computes, too late for the fixture that restores its settings
import pandas as pd
import pytest

from lineitem import origins
from lineitem.origins import _hooks
from lineitem.origins._capture import FULL, MAX_ERRORS, SUBMISSION, Capture
from lineitem.origins._graphs import names_in
from lineitem.origins._places import user_code_classifier
from lineitem.origins._table import Entry, Names, Origins

if TYPE_CHECKING:
    from pathlib import Path

    from lineitem.origins._table import Entry as _Entry

CAPTURE = _hooks.capture


def entry(name: str) -> _Entry:
    found = CAPTURE.names.get(name)
    assert found is not None, name
    return found


def text(found: _Entry) -> str:
    return str(CAPTURE.origins.row(found.origin, with_text=True)[4])


def lines(expression: Any) -> dict[str, str]:
    """The line of origin of each expression of a tree, by its class."""
    found: dict[str, str] = {}
    for node in expression.walk():
        found[type(node).__name__] = text(entry(node._name))
    return found


def frame() -> Any:
    return dd.from_pandas(pd.DataFrame({"k": [1, 2] * 10, "x": range(20), "y": range(20)}), npartitions=2)


def test_hooks_are_in_and_say_so() -> None:
    assert origins.level() == FULL
    assert CAPTURE.errors == 0


def test_each_operation_has_the_line_that_wrote_it() -> None:
    table = frame()
    chosen = table[table.x > 3]
    grouped = chosen.groupby("k").y.sum()
    found = lines(grouped.expr.optimize(fuse=False))
    assert found["GT"] == found["Filter"] == "chosen = table[table.x > 3]"
    assert found["TreeReduce"] == 'grouped = chosen.groupby("k").y.sum()'


def test_what_is_pushed_below_stays_with_its_line() -> None:
    table = frame()
    chosen = table[table.x > 3]
    kept = chosen[["k", "y"]]
    other = kept.merge(frame()[["k", "x"]], on="k")
    tree = other.expr.optimize(fuse=False)
    for node in tree.walk():
        kind = type(node).__name__
        if kind in ("Filter", "GT"):
            assert text(entry(node._name)) == "chosen = table[table.x > 3]", node
        if "Merge" in kind or "HashJoin" in kind:
            assert text(entry(node._name)).startswith("other = kept.merge("), node


def test_a_fused_expression_has_the_line_of_its_last_operation() -> None:
    table = frame()
    more = table.x + 1
    last = more * 2
    tree = last.expr.optimize(fuse=True)
    assert type(tree).__name__ == "Fused"
    assert text(entry(tree._name)) == "last = more * 2"
    inner = {text(entry(part._name)) for part in tree.exprs}
    assert {"more = table.x + 1", "last = more * 2"} <= inner


def test_layers_of_arrays_bags_and_delayed() -> None:
    array = da.ones((4, 4), chunks=2)
    product = array @ array.T
    assert text(entry(product.name)) == "product = array @ array.T"
    bag = db.from_sequence(range(4), npartitions=2)
    mapped = bag.map(str)
    assert text(entry(mapped.name)) == "mapped = bag.map(str)"
    call = dask.delayed(sum)([1, 2])
    assert text(entry(call.key)) == "call = dask.delayed(sum)([1, 2])"


def test_a_helper_keeps_its_callers() -> None:
    def helper() -> Any:
        return frame().x + 17

    made = helper()
    row = CAPTURE.origins.row(entry(made.expr._name).origin, with_text=True)
    assert row[3].endswith("helper")
    assert row[5][0][2].endswith("test_a_helper_keeps_its_callers")
    assert len(row[5]) <= 2


def test_the_same_work_from_two_lines_is_shared() -> None:
    table = frame()
    CAPTURE.names.epoch += 1
    first = table.y + 23
    second = table.y + 23
    assert first.expr._name == second.expr._name
    found = entry(first.expr._name)
    assert text(found) == "second = table.y + 23"
    assert [CAPTURE.origins.row(other, with_text=True)[4] for other in found.shared] == ["first = table.y + 23"]


def test_an_older_submission_does_not_share() -> None:
    table = frame()
    first = table.y + 29
    CAPTURE.names.epoch += 1
    second = table.y + 29
    found = entry(first.expr._name)
    assert first.expr._name == second.expr._name
    assert text(found) == "second = table.y + 29"
    assert found.shared == ()


def test_tokens_and_pickles_are_as_without(scripts: Path) -> None:
    program = scripts / "names.py"
    program.write_text(
        textwrap.dedent(
            """\
            import hashlib
            import pickle
            import lineitem
            import dask.dataframe as dd
            import pandas as pd
            frame = dd.from_pandas(pd.DataFrame({"k": [1, 2], "x": [3, 4]}), npartitions=1)
            tree = frame[frame.x > 1].groupby("k").x.sum().expr.optimize()
            print([type(node).__name__ for node in tree.walk()], tree._name)
            print(pickle.loads(pickle.dumps(tree))._name == tree._name, lineitem.origins.level())
            """
        )
    )
    said = {}
    for switch in ("", "off"):
        run = subprocess.run(
            [sys.executable, str(program)],
            env={**_environment(), "LINEITEM_ORIGINS": switch},
            capture_output=True,
            text=True,
            check=True,
        )
        said[switch] = run.stdout.splitlines()
    assert said[""][0] == said["off"][0]
    assert said[""][1] == "True full"
    assert said["off"][1] == "True submission"


def test_importing_lineitem_does_not_import_dataframes(scripts: Path) -> None:
    program = "import sys, lineitem; print('dask.dataframe' in sys.modules, 'distributed' in sys.modules, 'pandas' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], env=_environment(), capture_output=True, text=True, check=True, cwd=scripts
    )
    assert run.stdout.split() == ["False"] * 3


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def test_hooks_come_in_whether_dask_was_there_before_or_not(scripts: Path) -> None:
    for first, second in (("lineitem", "dask.dataframe"), ("dask.dataframe", "lineitem"), ("distributed", "lineitem")):
        program = scripts / "order.py"
        program.write_text(
            f"import {first}\nimport {second}\nimport dask.dataframe as dd, pandas as pd, distributed\n"
            "made = dd.from_pandas(pd.DataFrame({'x': [1]}), npartitions=1).x + 1\n"
            "from lineitem.origins import _hooks\n"
            "found = _hooks.capture.names.get(made.expr._name)\n"
            "print(_hooks.capture.origins.row(found.origin, with_text=True)[2], _hooks.shipper is not None)\n"
        )
        run = subprocess.run(
            [sys.executable, str(program)], env=_environment(), capture_output=True, text=True, check=True
        )
        assert run.stdout.split() == ["4", "True"], (first, second)


class _Broken(Names):
    def note_user(self, name: str, origin: int) -> None:
        raise RuntimeError("the store is broken")


def test_a_broken_store_does_no_harm_and_ends_the_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CAPTURE, "names", _Broken())
    monkeypatch.setattr(CAPTURE, "errors", 0)
    monkeypatch.setattr(CAPTURE, "on", True)
    table = frame()
    total = sum(int((table.x + number).sum().compute(scheduler="sync")) for number in range(20))
    assert total == 20 * 190 + 20 * sum(range(20))
    assert CAPTURE.errors == MAX_ERRORS
    assert origins.level() == SUBMISSION


def test_dear_hooks_stop_inheriting_and_forget() -> None:
    capture = Capture()
    capture.bases = CAPTURE.bases
    capture.names.note_user("mine", 1)
    capture.names.note_inherited("made", capture.names.get("mine") or Entry(1, (), by_user=True, epoch=0))
    for _ in range(1_000):
        capture.note_cost(9_000, 10_000)  # a large share of nearly nothing
    assert capture.level == FULL
    for _ in range(1_000):
        capture.note_cost(30_000, 100_000)  # dear, but so is all else
    assert capture.level == FULL
    for _ in range(1_000):
        capture.note_cost(30_000, 20_000)
    assert capture.level == "capture"
    assert capture.names.get("made") is None
    assert capture.names.get("mine") is not None


def test_names_are_bounded() -> None:
    names = Names(limit=100)
    for number in range(1_000):
        names.note_user(f"name-{number}", number + 1)
    assert len(names) <= 100
    assert names.get("name-999") is not None
    assert names.get("name-0") is None


def test_origins_are_bounded() -> None:
    table = Origins(limit=2)
    numbers = []
    for source in ("a = frame()\n", "b = frame()\n", "c = frame()\n", "d = frame()\n"):
        scope: dict[str, Any] = {"frame": lambda: numbers.append(table.intern([sys._getframe(1)]))}
        exec(compile(source, f"<{source}>", "exec"), scope)
    assert numbers == [1, 2, 0, 0]


@pytest.mark.parametrize(
    ("wanted", "file", "kind"),
    [
        ([], "/home/ana/flights.py", "u"),
        ([], "/env/lib/python3.11/site-packages/ours/core.py", "p"),
        (["ours"], "/env/lib/python3.11/site-packages/ours/core.py", "u"),
        (["ours"], "/env/lib/python3.11/site-packages/ours.py", "u"),
        (["ours"], "/env/lib/python3.11/site-packages/oursother/core.py", "p"),
        ("ours", "/env/lib/python3.11/site-packages/ours/core.py", "u"),
        (["/env/lib/python3.11/site-packages/team/"], "/env/lib/python3.11/site-packages/team/etl.py", "u"),
        ([None, 3], "/env/lib/python3.11/site-packages/team/etl.py", "p"),
        ([], "/tmp/ipykernel_12/3456.py", "u"),
        ([], dask.__file__ or "", "p"),
    ],
)
def test_what_counts_as_user_code(wanted: object, file: str, kind: str) -> None:
    assert (user_code_classifier(wanted)(file) == "u") == (kind == "u")


def test_names_in_graphs_of_all_kinds() -> None:
    table = frame()
    made = table.x + 1
    plain = made.expr.optimize(fuse=False)
    assert [node._name for node in plain.walk()] == names_in(plain, CAPTURE.bases)
    fused = made.expr.optimize(fuse=True)
    assert {fused._name, *(part._name for part in fused.exprs)} <= set(names_in(fused, CAPTURE.bases))
    array = da.ones(4, chunks=2) + 1
    assert array.name in names_in(array.__dask_graph__(), CAPTURE.bases)
    assert names_in({("a", 0): 1, ("a", 1): 2, "b": 3, 5: 6}, CAPTURE.bases) == ["a", "b"]
    assert names_in(None, CAPTURE.bases) == []


def test_cells_of_notebooks_have_the_name_they_have_everywhere() -> None:
    scope: dict[str, Any] = {"frame": frame}
    exec(compile("\nmade = frame().x + 31\n", "/tmp/ipykernel_4711/123456789.py", "exec"), scope)
    row = CAPTURE.origins.row(entry(scope["made"].expr._name).origin, with_text=False)
    assert row[1:5] == ["cell:123456789", 2, "<module>", ""]


ARRAYS = """\
import dask
dask.config.set({"array.query-planning": True})
import lineitem
import dask.array as da
from lineitem.origins import _hooks
ones = da.ones((8, 8), chunks=4)
more = ones + 1
total = more.sum(axis=0)
tree = total.expr.optimize()
for node in tree.walk():
    found = _hooks.capture.names.get(node._name)
    print(type(node).__name__, _hooks.capture.origins.row(found.origin, with_text=True)[4])
"""


def test_arrays_made_of_expressions(scripts: Path) -> None:
    program = scripts / "arrays.py"
    program.write_text(ARRAYS)
    run = subprocess.run([sys.executable, str(program)], env=_environment(), capture_output=True, text=True, check=True)
    found = {line.partition(" ")[2] for line in run.stdout.splitlines()}
    assert found <= {"ones = da.ones((8, 8), chunks=4)", "more = ones + 1", "total = more.sum(axis=0)"}, run.stdout
    assert "total = more.sum(axis=0)" in found
    assert "more = ones + 1" in found
