"""What software the client's process has: part of its session."""

from __future__ import annotations

from typing import Any

from lineitem.agent.common._inventory import MAX_IMPORTED, Inventory

_WAIT_S = 0.3


class ClientSoftware:
    """The environment of this process and the modules it imported, found out in the background."""

    def __init__(self) -> None:
        self._inventory = Inventory(delay_s=0.0)
        self._imported: list[str] = []
        self._waited = False

    def begin(self) -> None:
        """Begin to look, if that has not happened yet. Never waits."""
        self._inventory.tick()

    def session(self) -> dict[str, Any]:
        """Return what belongs into a session: nothing until it is known, which the first call waits for a moment.

        A script may send a single graph: what is not known by then would never be told.
        """
        if not self._waited:
            self._waited = True
            self._inventory.hasten(_WAIT_S)
        else:
            self._inventory.tick()
        section = self._inventory.section()
        if section is None:
            return {}
        self._imported = [*self._imported, *section["imported"]][:MAX_IMPORTED]
        return {"environment": section["environment"], "imported": self._imported}

    def content(self) -> dict[str, Any] | None:
        """Return the environment as the fields of a software batch, None if it is not known."""
        return self._inventory.content
