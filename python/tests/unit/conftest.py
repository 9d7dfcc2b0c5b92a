from __future__ import annotations

from typing import TYPE_CHECKING

import dask.config
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them, and the tests' out of each other."""
    monkeypatch.delenv("LINEITEM_SERVER", raising=False)
    monkeypatch.delenv("LINEITEM_TOKEN", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with dask.config.set({}):
        before = dask.config.config.copy()
        yield
        dask.config.config.clear()
        dask.config.config.update(before)
