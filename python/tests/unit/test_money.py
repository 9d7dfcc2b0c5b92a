from __future__ import annotations

from decimal import Decimal

import pytest

from lineitem._money import (
    format_bytes,
    format_fitted,
    format_money,
    format_seconds,
    format_share,
    to_decimal,
)

# The same figures as the CLI writes: internal/cli/format/format_test.go.


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (420_000_000, "$0.42"),
        (1_234_500_000_000, "$1,234.50"),
        (2_100_000, "$0.0021"),
        (99_600_000, "$0.10"),
        (94_000_000, "$0.094"),
        (-120_000_000, "\u2212$0.12"),
        (9_223_372_036_854_775_807, "$9,223,372,036.85"),
    ],
)
def test_money_shows_two_significant_digits_at_least_cents(nanos: int, text: str) -> None:
    assert format_money(nanos, "USD") == text


def test_currencies_without_a_known_symbol_are_written_by_code() -> None:
    assert format_money(1_500_000_000, "EUR") == "€1.50"
    assert format_money(1_500_000_000, "NOK") == "NOK 1.50"


def test_amounts_are_exact_as_decimals() -> None:
    assert to_decimal(9_223_372_036_854_775_807) == Decimal("9223372036.854775807")
    assert to_decimal(-1) == Decimal("-0.000000001")


@pytest.mark.parametrize(
    "parts", [[1, 1, 1], [333_333_333] * 3, [2_000_000, 7_777_777, 1], [], [5], [0, 0], [10**12, 4_999_999, 5_000_001]]
)
def test_shown_parts_add_up_to_the_shown_total(parts: list[int]) -> None:
    shown, total = format_fitted(parts, "USD")
    assert len(shown) == len(parts)
    as_decimal = [Decimal(text.strip("$").replace(",", "")) for text in (*shown, total)]
    assert sum(as_decimal[:-1]) == as_decimal[-1]
    step = Decimal(1).scaleb(as_decimal[-1].as_tuple().exponent)  # type: ignore[arg-type]
    for part, text in zip(parts, as_decimal, strict=False):
        assert abs(to_decimal(part) - text) < step


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.001, "0.01 s"),
        (0.42, "0.42 s"),
        (4.21, "4.2 s"),
        (45, "45 s"),
        (59.7, "1 min"),
        (190, "3 min 10 s"),
        (9900, "2 h 45 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_shares_and_bytes() -> None:
    assert format_share(290, 1000) == "29.0\u202f%"
    assert format_share(1, 0) == "\u2013"
    assert [format_bytes(n) for n in (512 * 10**6, 15 * 10**8, 4 * 10**9, 2 * 10**12)] == [
        "512 MB",
        "1.5 GB",
        "4 GB",
        "2 TB",
    ]
