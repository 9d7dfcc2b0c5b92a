"""Settings that no test gets from whoever runs it, and the real server of the integration tests."""

from __future__ import annotations

import copy
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dask.config
import pytest
from real_server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from real_server import Server


@contextmanager
def _same_dask_config() -> Iterator[None]:
    before = copy.deepcopy(dask.config.config)
    try:
        yield
    finally:
        dask.config.config.clear()
        dask.config.config.update(before)


@pytest.fixture(scope="module", autouse=True)
def _clean_modules() -> Iterator[None]:
    """Keep what a module's own fixtures set, a cluster say, out of the next module."""
    with _same_dask_config():
        yield


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them, and the tests' out of each other."""
    for name in [name for name in os.environ if name.startswith("LINEITEM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with _same_dask_config():
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start bin/lineitem for all tests that need a server, on a port and a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="lineitem-") as data, running_server(data) as server:
        yield server


@pytest.fixture
def signed_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Let this process find the server, as after `lineitem login`."""
    monkeypatch.setenv("LINEITEM_SERVER", server.url)
    monkeypatch.setenv("LINEITEM_TOKEN", server.token)
    with dask.config.set({"lineitem.cluster.refresh-interval": "500ms"}):
        yield server


@pytest.fixture
def scripts() -> Iterator[Path]:
    """Make a folder for users' programs, outside of pytest's.

    Dask takes files below a folder with that name for parts of a test runner, and does not say that their lines asked for work.
    """
    with tempfile.TemporaryDirectory(prefix="lineitem-") as folder:
        yield Path(folder)
