"""Names of notebook cells, the same on client, workers and server.

A cell has no file, only a name that IPython made up: ``/tmp/ipykernel_4711/1234567.py`` in a Jupyter kernel (a hash of the cell's text
under a folder that holds the process id) or ``<ipython-input-3-0123456789ab>`` in a terminal. Both become
``cell:<hash>``, which is what the agent sends and the server asks for. The agent has its own copy of this rule, because its
modules travel to the workers by value; a test holds the two together.
"""

from __future__ import annotations

import re
import sys
from typing import Any

_KERNEL = re.compile(r"[\\/]ipykernel_\d+[\\/]([0-9a-fA-F]+)\.py$")
_TERMINAL = re.compile(r"^<ipython-input-\d+-([0-9a-fA-F]+)>$")


def cell_name(filename: str) -> str | None:
    """Return ``cell:<hash>`` if the file name is that of an IPython cell, else None."""
    found = _KERNEL.search(filename) or _TERMINAL.search(filename)
    return f"cell:{found[1]}" if found else None


def shell_now() -> Any:
    """Return the IPython shell of this process, None if there is none."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    try:
        return get_ipython() if get_ipython is not None else None
    except Exception:
        return None


def cell_number(file: str) -> int:
    """Return the number that a cell has in the notebook of this process; 0 if it is not one of it."""
    try:
        names = shell_now().compile._filename_map
        # The last of several: a cell that was run again shows its last number.
        return max((number for name, number in names.items() if cell_name(name) == file), default=0)
    except Exception:  # no notebook, or an IPython that keeps its cells elsewhere
        return 0
