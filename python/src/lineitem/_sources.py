"""The text of notebook cells, which only this process has."""

from __future__ import annotations

import linecache
from contextlib import suppress
from typing import TYPE_CHECKING

import dask.config

from lineitem._cells import cell_name
from lineitem._exceptions import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineitem._client import Lineitem

#: What the server takes of one file, in bytes.
MAX_BYTES = 256 * 1024


def cell_texts(wanted: Iterable[str]) -> dict[str, str]:
    """Return the text of each wanted ``cell:<hash>`` that this process has run.

    IPython keeps the code of each cell in :mod:`linecache`, as it was compiled (magics translated), so line numbers fit.
    """
    names = set(wanted)
    texts: dict[str, str] = {}
    if not names:
        return texts
    for filename, entry in linecache.cache.copy().items():
        name = cell_name(filename)
        # Lazy entries are 1-tuples that would read a file; cells are never lazy.
        if name in names and len(entry) == 4:
            text = "".join(entry[2])
            if text and len(text.encode(errors="replace")) <= MAX_BYTES:
                texts[name] = text
    return texts


def send_wanted(api: Lineitem, cluster_id: str) -> None:
    """Send the text of the cells that the server lacks and this process has, if that is allowed."""
    if not dask.config.get("lineitem.source-text", True):
        return
    for file, text in cell_texts(api.get_cluster(cluster_id).sources_wanted).items():
        with suppress(ApiError):
            api.put_source(cluster_id, file, text)
