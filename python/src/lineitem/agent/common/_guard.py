"""Circuit breakers: an error in the agent is counted, and a part that keeps failing is switched off."""

from __future__ import annotations

import logging

_LIMIT = 3


class Guard:
    """Counts the errors of the agent's parts; after three a part counts as broken.

    Parameters
    ----------
    where
        For the log: which process this is.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.errors = 0
        self._by_part: dict[str, int] = {}

    def broken(self, part: str) -> bool:
        """Tell whether a part has failed so often that it must not be called again."""
        return self._by_part.get(part, 0) >= _LIMIT

    def failed(self, part: str) -> None:
        """Note that a part has raised. To be called where the exception is handled; it never raises itself."""
        self.errors += 1
        count = self._by_part[part] = self._by_part.get(part, 0) + 1
        # Looked up here and not at import: this class travels to workers by value, and a logger is best made there.
        logger = logging.getLogger("lineitem.agent")
        if count == _LIMIT:
            logger.warning(
                "Lineitem's agent on %s switched off '%s' after %d errors. Tasks are not affected; telemetry lacks this part.",
                self.where,
                part,
                count,
                exc_info=True,  # noqa: LOG014 - callers are in an except block
            )
        elif count < _LIMIT:
            logger.info("Lineitem's agent on %s: '%s' failed.", self.where, part, exc_info=True)  # noqa: LOG014 - as above
