"""Reading the text of user code from disk, if the organisation wants it shown."""

from __future__ import annotations

import hashlib
import tokenize
from pathlib import Path

from lineitem.agent.common._batch import MAX_SOURCE_BYTES


def read_source(file: str) -> tuple[str, str] | None:
    """Read a file of user code.

    Returns
    -------
    tuple or None
        The SHA-256 of the text in UTF-8, and the text; ``None`` for cells, for what is no readable Python file here,
        and for files that are too large.
    """
    if not file.endswith((".py", ".pyw")) or file.startswith(("cell:", "<")) or not Path(file).is_absolute():
        return None
    try:
        if Path(file).stat().st_size > MAX_SOURCE_BYTES:
            return None
        with tokenize.open(file) as stream:
            text = stream.read()
    except (OSError, SyntaxError, UnicodeError):
        return None
    return digest(text)


def digest(text: str) -> tuple[str, str] | None:
    """Return the SHA-256 of a text and the text, ``None`` if it is too large to be sent."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > MAX_SOURCE_BYTES:
        return None
    return hashlib.sha256(encoded).hexdigest(), text
