"""Figures for people, written as the CLI and the web UI write them (``internal/cli/format``)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NANOS_PER_UNIT = 10**9
_MAX_DECIMALS = 9
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
# A narrow no-break space stands before a per cent sign.
NARROW = "\u202f"
_MINUS = "\u2212"


def to_decimal(nanos: int) -> Decimal:
    """Return the amount in units of its currency, exactly."""
    return Decimal(nanos) / _NANOS_PER_UNIT


def decimals_for(nanos: int) -> int:
    """Return how many decimals show two significant digits of an amount, at least the two of cents."""
    amount = abs(nanos)
    if amount == 0:
        return 2
    for decimals in range(2, _MAX_DECIMALS):
        step = 10 ** (9 - decimals)
        if (amount + step // 2) // step >= 10:
            return decimals
    return _MAX_DECIMALS


def format_money(nanos: int, currency: str, decimals: int | None = None) -> str:
    """Return an amount as people write it: ``$1,234.50``, ``$0.0021``; small runs are not shown as free."""
    if decimals is None:
        decimals = decimals_for(nanos)
    step = 10 ** (9 - decimals)
    return _write((abs(nanos) + step // 2) // step, nanos < 0, currency, decimals)


def format_fitted(parts: Sequence[int], currency: str) -> tuple[list[str], str]:
    """Return the parts of one sum and the sum, rounded together so that the shown parts add up to the shown total."""
    decimals = decimals_for(max(parts, default=0))
    step = 10 ** (9 - decimals)
    total = (sum(parts) + step // 2) // step
    units = [p // step for p in parts]
    by_rest = sorted(range(len(parts)), key=lambda i: -(parts[i] % step))
    for i in by_rest[: total - sum(units)]:
        units[i] += 1
    return [_write(abs(u), u < 0, currency, decimals) for u in units], _write(abs(total), total < 0, currency, decimals)


def format_share(part: int, total: int) -> str:
    """Return a share in per cent: ``29.0 %``; a dash where there is no total."""
    return f"{part / total * 100:.1f}{NARROW}%" if total > 0 else "–"  # noqa: RUF001 -- a dash is meant


def format_seconds(seconds: float) -> str:
    """Return a span of time with what matters at its size: ``0.42 s``, ``45 s``, ``3 min 10 s``, ``2 h 45 min``."""
    if seconds == 0:
        return "0 s"
    if seconds < 0.995:
        return f"{max(seconds, 0.01):.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", 1, "s")
    whole = round(seconds / 60) * 60
    if whole < 86400:
        return _two(whole, 3600, "h", 60, "min")
    return _two(round(seconds / 3600) * 3600, 86400, "d", 3600, "h")


def format_bytes(n: int) -> str:
    """Return an amount of memory in powers of ten, as in prices: ``512 MB``, ``1.5 GB``."""
    for size, unit in ((10**12, "TB"), (10**9, "GB")):
        if n >= size:
            return f"{n / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{n / 10**6:.0f} MB"


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    text = f"{whole // large} {large_name}"
    rest = whole % large // small
    return f"{text} {rest} {small_name}" if rest else text


def _write(units: int, negative: bool, currency: str, decimals: int) -> str:
    digits = str(units).rjust(decimals + 1, "0")
    amount = f"{int(digits[:-decimals]):,}.{digits[-decimals:]}"
    sign = _MINUS if negative and units else ""
    return f"{sign}{_SYMBOLS.get(currency) or currency + ' '}{amount}"
