"""The client's part of telemetry: which line of user code created a piece of work.

Importing :mod:`lineitem` puts a few hooks into Dask. They note the line of user code when an expression or a layer of a
graph is made, let expressions that the optimiser makes inherit it, and send the result along with each graph, to
schedulers that have Lineitem's agent and to no others. ``LINEITEM_ORIGINS=off`` in the environment leaves Dask as it is.

===============  ========================================================================
``_hooks``       what is hooked, and when
``_capture``     walking from a constructor to the line of user code
``_inherit``     what a machine-made expression descends from
``_places``      which code is the user's, which the optimiser's
``_table``       names and lines, bounded
``_graphs``      the names in a graph that leaves
``_ship``        the entry that travels with it
``_session``     user, machine, notebook or script, commit
``_software``    what is installed and imported
``_tags``        ``lineitem.tag``
===============  ========================================================================

See docs/origins.md for what it can and cannot see.
"""

from __future__ import annotations

import os


def install() -> None:
    """Put the hooks in, unless the environment says no."""
    if os.environ.get("LINEITEM_ORIGINS", "").lower() == "off":
        return
    from lineitem.origins import _hooks

    _hooks.install()


def prepare() -> None:
    """Begin to find out what software this process has, so that its first graph need not wait for it."""
    from lineitem.origins import _hooks

    if _hooks.shipper is not None:
        _hooks.shipper.software.begin()


def level() -> str:
    """Return how much is noted in this process.

    Returns
    -------
    str
        ``full``; ``capture``, where expressions made by the optimiser do not inherit; ``submission``, where only the line that
        asked for the work is known.
    """
    from lineitem.origins import _hooks

    return _hooks.level()
