"""The text of notebook cells, which only this process has."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING

from lineitem._cells import cell_name

if TYPE_CHECKING:
    from collections.abc import Iterable

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
