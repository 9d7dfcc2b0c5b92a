"""The token: where it comes from and how it stays secret.

A token is read from the argument, from ``LINEITEM_TOKEN``, or from the file that ``lineitem login`` writes. It is
never part of Dask's configuration (which is copied into cluster dumps), of a repr or of a pickle.
"""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A string that shows itself only when asked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Lineitem token is not pickled, so that it does not travel to workers or into files.")
