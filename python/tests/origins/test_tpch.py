"""TPC-H queries: equal results watched and unwatched, and each task's origin in the function of its query."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[3] / "bench" / "tpch" / "check.py"


@pytest.mark.timeout(400)
def test_our_queries_are_unharmed_and_charged_to_their_own_lines() -> None:
    done = subprocess.run([sys.executable, str(CHECK), "--scale", "0.005"], capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]
    assert done.stdout.count("results that differ      none") == 2
