from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cloudpickle
from agent_lab import NO_PACKAGE

from lineitem.agent.scheduler import _push
from lineitem.agent.scheduler._push import worker_payload

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SETTINGS: dict[str, Any] = {
    "cluster": "cl_test",
    "scheduler_process": "cl_test-scheduler-1",
    "package_dirs": [],
    "rate_hz": 20.0,
    "flush_seconds": 5.0,
}

LOAD = """
import pickle, sys
with open(sys.argv[1], "rb") as stream:
    plugin = pickle.load(stream)
from distributed.diagnostics.plugin import WorkerPlugin
assert isinstance(plugin, WorkerPlugin)
assert "lineitem" not in sys.modules
print(type(plugin).__name__)
"""


def load_elsewhere(payload: bytes, tmp_path: Path) -> str:
    file = tmp_path / "plugin.pickle"
    file.write_bytes(payload)
    return subprocess.run(
        [sys.executable, "-c", NO_PACKAGE + LOAD, str(file)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_payload_needs_no_package(tmp_path: Path) -> None:
    payload = worker_payload(SETTINGS)
    assert load_elsewhere(payload, tmp_path) == "LineitemWorkerPlugin"
    assert len(payload) < 200_000


def test_another_python_gets_a_plugin_that_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_push, "_VERSION", (2, 7))
    assert load_elsewhere(worker_payload(SETTINGS), tmp_path) == "WorkerPlugin"


def test_a_broken_payload_gets_a_plugin_that_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudpickle, "dumps", lambda _plugin: b"\x80\x05broken")
    assert load_elsewhere(worker_payload(SETTINGS), tmp_path) == "WorkerPlugin"
