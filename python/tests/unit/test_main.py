"""``python -m lineitem script.py`` behaves as ``python script.py`` does."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = {
    "what it sees": """
import sys
print(__name__, __file__, sys.argv, sys.path[0], __builtins__.__name__)
""",
    "spawned processes": """
import multiprocessing

def double(x):
    return 2 * x

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(double, [1, 2]))
""",
    "an exception": """
def fail():
    return 1 / 0

try:
    fail()
except ZeroDivisionError as error:
    raise ValueError("no") from error
""",
    "a status": "raise SystemExit(7)",
    "an interruption": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)",
    "no Python": "print(",
    "work at exit": "import atexit, threading\natexit.register(print, 'bye')\nthreading.Timer(0.1, print, ['later']).start()",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_behaves_as_python_does(name: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPTS[name])
    plain, ours = (
        subprocess.run(
            [sys.executable, *how, "script.py", "a", "-b"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for how in ([], ["-m", "lineitem"])
    )
    assert (ours.returncode, ours.stdout) == (plain.returncode, plain.stdout)
    assert ours.stderr == plain.stderr


def test_a_missing_script_is_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lineitem", "none.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("there is no file 'none.py', so nothing was run\n")
