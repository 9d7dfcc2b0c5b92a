from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import distributed
import distributed.worker
import pytest
from dask._task_spec import Task, TaskRef

from lineitem.agent.common._stacks import Classifier, Landmarks, Resolver, landmarks, line_at, normalise_file, walk

CLASSIFY = Classifier([str(Path(distributed.__file__).parent), "/src/lineitem-checkout/python/src/lineitem"])


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("/home/ana/flights.py", "u"),
        ("C:\\Users\\ana\\flights.py", "u"),
        ("/tmp/ipykernel_4711/1234567890.py", "u"),
        ("<ipython-input-3-0f1e2d3c4b5a>", "u"),
        ("<stdin>", "u"),
        ("<string>", "u"),
        ("cell:1234567890", "u"),
        ("<frozen importlib._bootstrap>", "s"),
        ("<__array_function__ internals>", "p"),
        (json.__file__, "s"),
        ("/usr/lib/python3.12/json/decoder.py", "s"),
        ("/opt/conda/lib/python3.10/zipfile.py", "s"),
        ("/opt/conda/lib/python3.10/site-packages/pandas/core/frame.py", "p"),
        ("C:\\conda\\Lib\\site-packages\\pandas\\core\\frame.py", "p"),
        ("/usr/lib/python3/dist-packages/numpy/core.py", "p"),
        (sysconfig.get_paths()["purelib"] + "/thing.py", "p"),
        (distributed.__file__, "p"),
        ("/src/lineitem-checkout/python/src/lineitem/_cluster.py", "p"),
        ("/src/lineitem-checkout/examples/flights.py", "u"),
    ],
)
def test_files_are_classified_by_name(filename: str, kind: str) -> None:
    assert CLASSIFY(filename) == kind


def test_cells_lose_the_number_of_their_process() -> None:
    assert normalise_file("/tmp/ipykernel_4711/1234567890.py") == "cell:1234567890"
    assert normalise_file("C:\\Temp\\ipykernel_12\\99.py") == "cell:99"
    assert normalise_file("<ipython-input-3-0f1e2d3c4b5a>") == "cell:0f1e2d3c4b5a"
    assert normalise_file("/home/ana/ipykernel_notes.py") == "/home/ana/ipykernel_notes.py"
    assert len(normalise_file("/x" * 1000)) == 300


def test_lines_are_those_of_the_interpreter() -> None:
    def recurse(depth: int) -> list[tuple[int, int]]:
        if depth:
            return [*recurse(depth - 1)]
        frame, found = sys._getframe(), []
        while frame.f_code is recurse.__code__ and frame.f_back is not None:
            found.append((line_at(frame.f_code, frame.f_lasti), frame.f_lineno))
            frame = frame.f_back
        return found

    pairs = recurse(3)
    assert len(pairs) == 4
    assert pairs[1:] == [(outer, outer) for _, outer in pairs[1:]]
    assert pairs[1][0] == recurse.__code__.co_firstlineno + 2


def test_a_walk_ends_at_the_runner_and_resolves_outermost_last() -> None:
    ready, done = threading.Event(), threading.Event()

    def user_inner() -> None:
        ready.set()
        done.wait(10)

    def user_outer() -> None:
        user_inner()

    def runner() -> None:
        user_outer()

    def below_runner() -> None:
        runner()

    thread = threading.Thread(target=below_runner)
    thread.start()
    ready.wait(10)
    resolver = Resolver(CLASSIFY)
    try:
        frame = sys._current_frames()[thread.ident or 0]
        stack, part, found = walk(frame, Landmarks(frozenset([id(runner.__code__)])), resolver.codes)
        _, _, none = walk(frame, Landmarks(frozenset()), resolver.codes)
        del frame
    finally:
        done.set()
        thread.join()
    assert found == id(runner.__code__)
    assert none == 0
    assert part == ""
    names = [resolver.frame(stack[i], stack[i + 1]) for i in range(0, len(stack), 2)]
    assert [name[2].rpartition(".")[2] for name in names][-2:] == ["user_inner", "user_outer"]
    assert {name[0] for name in names[-2:]} == {__file__}
    assert names[-1][3] == user_outer.__code__.co_firstlineno + 1
    assert names[0][1] == "s"


def test_a_fused_task_says_which_of_its_parts_is_running() -> None:
    """A real fused task, also one inside another, on the stack of a real thread."""
    at, go = threading.Barrier(2), threading.Barrier(2)

    def stop(_value: object = None) -> int:
        at.wait(10)
        go.wait(10)
        return 1

    inner = Task.fuse(Task(("read-csv-abc", 0), stop), Task(("clean-def", 0), stop, TaskRef(("read-csv-abc", 0))))
    outer = Task.fuse(inner, Task("last-ghi", stop, TaskRef(("clean-def", 0))))
    marks = landmarks(distributed.worker)
    parts = []
    for task, count in ((outer, 3), (Task("alone-jkl", stop), 1)):
        thread = threading.Thread(target=distributed.worker._run_task_simple, args=(task, {}, 0.0))
        thread.start()
        for _ in range(count):
            at.wait(10)
            _, part, runner = walk(sys._current_frames()[thread.ident or 0], marks, {})
            assert runner in marks.runners
            parts.append(part)
            go.wait(10)
        thread.join(10)
    assert parts == ["read-csv-abc", "clean-def", "last-ghi", ""]


def test_generated_methods_are_nobodys_lines() -> None:
    program = (
        "import sys\n"
        "from dataclasses import dataclass, field\n"
        "from lineitem.agent.common._stacks import *\n"
        "seen = []\n"
        "def look():\n    seen.append(sys._getframe().f_back)\n    return 1\n"
        "@dataclass\nclass A:\n    x: int = field(default_factory=look)\n"
        "A()\n"
        "r = Resolver(Classifier())\n"
        "r.codes[1] = seen[0].f_code\n"
        "r.codes[2] = seen[0].f_back.f_code\n"
        "print(r.frame(1, 0)[:2], r.frame(2, 0)[:2])\n"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "('<generated>', 'p') ('<string>', 'u')"


def test_dasks_task_runners_are_found() -> None:
    marks = landmarks(distributed.worker)
    newer = hasattr(distributed.worker, "_run_task_simple")
    task, actor = ("_run_task_simple", "_run_actor") if newer else ("apply_function_simple", "apply_function_actor")
    assert id(getattr(distributed.worker, task).__code__) in marks.runners
    assert marks.actors == {id(getattr(distributed.worker, actor).__code__)}
    assert marks.actors < marks.runners


def test_installed_folders_count_as_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed, project = tmp_path / "target", tmp_path / "project"
    (installed / "xgboost-1.7.6.dist-info").mkdir(parents=True)
    (project / "shop.egg-info").mkdir(parents=True)  # what a development install leaves beside the user's own code
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed), str(project), str(tmp_path / "missing"), ""]))
    classify = Classifier()
    assert classify(str(installed / "xgboost" / "core.py")) == "p"
    assert classify(str(project / "shop" / "prices.py")) == "u"
