"""The quiet line about a computation, such as ``$0.42 · 3 min 10 s · 61 % parsing CSV (load.py:14) · 22 % idle``.

Here is what it says and what must be known for it; when and where it is said is up to ``_after`` and ``_life``. ``lineitem.receipts:
false`` switches it off.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dask.config

from lineitem._cells import shell_now
from lineitem._money import NARROW, format_money, format_seconds
from lineitem._view import place_of
from lineitem._words import operation_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem._models import Receipt

logger = logging.getLogger("lineitem")

PATIENCE_S = 2.0
FLUSH_S = 1.2
WORTH_SECONDS = 1.0
_WORTH_NANOS = 10_000_000  # a cent
_WORTH_IDLE = 10


def enabled() -> bool:
    """Whether the line is wanted."""
    return bool(dask.config.get("lineitem.receipts", True))


def receipt_parts(receipt: Receipt, seconds: float, place: str = "") -> list[str]:
    """Return what there is to say, nothing if it is not worth a line: money, time, the dearest line, waste.

    Parameters
    ----------
    receipt : Receipt
        What the server says.
    seconds : float
        How long it took.
    place : str
        What the dearest line is called here.
    """
    if receipt.work_nanos <= 0 or (seconds < WORTH_SECONDS and receipt.cost_nanos < _WORTH_NANOS):
        return []
    money = format_money(receipt.cost_nanos, receipt.currency)
    parts = [money if receipt.complete else f"{money} so far", format_seconds(seconds)]
    top = receipt.top
    share = 0
    if top is not None and receipt.cost_nanos > 0:
        share = min(100, round(100 * top.cost_nanos / receipt.cost_nanos))
        where = f" ({place})" if place else ""
        parts.append(f"{share}{NARROW}% {operation_words(top.operation)}{where}")
    idle = min(100 - share, round(100 * receipt.idle_share))
    if idle >= _WORTH_IDLE:
        parts.append(f"{idle}{NARROW}% idle")
    return parts


async def flush(scheduler: Any, timeout: float) -> bool:
    """Ask a scheduler to let all workers report at once; tell whether the server has it all. Older agents cannot."""
    try:
        answer = await asyncio.wait_for(scheduler.lineitem_flush(), timeout)
    except Exception:
        return False
    return isinstance(answer, dict) and answer.get("complete") is True


def graphs_sent() -> dict[str, int] | None:
    """Return how many graphs each client has sent to Lineitem's agents, by client id; None if nobody counts."""
    hooks = sys.modules.get("lineitem.origins._hooks")
    shipper = getattr(hooks, "shipper", None)
    counts = getattr(shipper, "graphs", None)
    return dict(counts) if isinstance(counts, dict) else None


def say(work: Callable[[], str | None], patience: float = PATIENCE_S) -> str | None:
    """Call something that talks to the network, in a thread of its own, and wait so long for it at most."""
    answer: list[str | None] = []

    def ask() -> None:
        try:
            answer.append(work())
        except Exception:
            logger.debug("What the last computation cost could not be found out", exc_info=True)

    thread = threading.Thread(target=ask, name="lineitem-receipt", daemon=True)
    thread.start()
    thread.join(patience)
    return answer[0] if answer else None


def print_line(receipt: Receipt, seconds: float, url: str) -> None:
    """Print the line of a script on stderr: into its log too, if that is where stderr goes."""
    top = receipt.top
    parts = receipt_parts(receipt, seconds, place_of(top.file, top.line) if top is not None else "")
    if parts and sys.stderr is not None:
        with suppress(OSError, ValueError, UnicodeError):
            print("lineitem:", " · ".join(parts), f"· {url}", file=sys.stderr)  # noqa: T201 -- what this is for


def in_script() -> bool:
    """Whether the line belongs at the end: work was asked for, and nobody saw a line after each cell."""
    return enabled() and shell_now() is None and graphs_sent() != {}
