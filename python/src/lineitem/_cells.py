"""Names of notebook cells, the same on client, workers and server.

A cell has no file, only a name that IPython made up: ``/tmp/ipykernel_4711/1234567.py`` in a Jupyter kernel (a hash of the cell's text
under a folder that holds the process id) or ``<ipython-input-3-0123456789ab>`` in a terminal. Both become
``cell:<hash>``, which is what the agent sends and the server asks for. The agent has its own copy of this rule, because its
modules travel to the workers by value; a test holds the two together.
"""

from __future__ import annotations

import re

_KERNEL = re.compile(r"[\\/]ipykernel_\d+[\\/]([0-9a-fA-F]+)\.py$")
_TERMINAL = re.compile(r"^<ipython-input-\d+-([0-9a-fA-F]+)>$")


def cell_name(filename: str) -> str | None:
    """Return ``cell:<hash>`` if the file name is that of an IPython cell, else None."""
    found = _KERNEL.search(filename) or _TERMINAL.search(filename)
    return f"cell:{found[1]}" if found else None
