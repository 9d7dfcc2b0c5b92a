"""What was spent and what the books say of it, as frozen dataclasses: the mirror of ``sdk/openapi.json``, field by field.

Money is in whole nano-units (billionths) of the named currency, times are in UTC.
"""
# ruff: noqa: TC001, TC003 -- the decoder resolves the annotations at run time.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lineitem._models import RateCard
from lineitem._money import to_decimal


@dataclass(frozen=True, kw_only=True)
class CostItem:
    """One cluster's cost in a window."""

    cluster_id: str
    cluster_name: str
    owner: str
    status: str
    cost_nanos: int


@dataclass(frozen=True, kw_only=True)
class CostList:
    """What clusters cost in the window ``[start, end)``, dearest first."""

    currency: str
    start: datetime
    end: datetime
    total_nanos: int
    items: tuple[CostItem, ...]

    @property
    def total(self) -> Decimal:
        """The total in units of the currency."""
        return to_decimal(self.total_nanos)


@dataclass(frozen=True, kw_only=True)
class PriceCovers:
    """Hours of machines with a price from one ``source``, or without one, which ``reason`` explains. ``gpu`` is a model where they are hours of GPUs."""

    provider: str
    gpu: str
    priced: bool
    source: str
    as_of: datetime | None = None
    reason: str
    hours: float


@dataclass(frozen=True, kw_only=True)
class LedgerMonth:
    """What the books say of one month: closing = opening + charges + corrections + true-ups."""

    month: str
    currency: str
    start: datetime
    end: datetime
    closed: bool
    closed_at: datetime | None = None
    closed_by: str
    opening_nanos: int
    charges_nanos: int
    corrections_nanos: int
    true_up_nanos: int
    closing_nanos: int
    entries: int

    @property
    def total(self) -> Decimal:
        """What is booked in the month, in units of the currency."""
        return to_decimal(self.charges_nanos + self.corrections_nanos + self.true_up_nanos)


@dataclass(frozen=True, kw_only=True)
class LedgerMonthList:
    """Months of the books in the order of time; they begin in ``zone``."""

    zone: str
    items: tuple[LedgerMonth, ...]


@dataclass(frozen=True, kw_only=True)
class LedgerSummary:
    """What became of what was allocated in ``[start, end)``: used + idle + overhead + lost + unknown, exactly."""

    currency: str
    start: datetime
    end: datetime
    as_of: datetime
    allocated_nanos: int
    used_nanos: int
    idle_nanos: int
    overhead_nanos: int
    lost_nanos: int
    unknown_nanos: int

    @property
    def allocated(self) -> Decimal:
        """What all machines cost, in units of the currency."""
        return to_decimal(self.allocated_nanos)


@dataclass(frozen=True, kw_only=True)
class BreakdownRow:
    """What one combination of values cost; ``keys`` are in the order of ``CostBreakdown.by``, empty where there is no such thing."""

    keys: tuple[str, ...]
    cost_nanos: int
    thread_seconds: float
    cpu_seconds: float

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class InvoiceFactor:
    """What was invoiced of ``target`` for each unit that was metered."""

    target: str
    factor: float


@dataclass(frozen=True, kw_only=True)
class InvoiceApplied:
    """An invoice that figures follow. Only admins see factors of single clusters and processes; ``groups`` is how many there are."""

    id: str
    source: str
    at: datetime
    factors: tuple[InvoiceFactor, ...]
    groups: int


@dataclass(frozen=True, kw_only=True)
class InvoicedMonth:
    """What invoices say of one month of the books: ``status`` is ``invoiced``, ``none`` or ``running``."""

    month: str
    start: datetime
    end: datetime
    status: str
    true_up_nanos: int
    imports: tuple[InvoiceApplied, ...]


@dataclass(frozen=True, kw_only=True)
class CostBreakdown:
    """What was spent in the hours ``[start, end)``, grouped by anything: rows and rest sum to the total.

    It was right ``as_of``; ``coverage`` is the share of the window's cost that was observed, ``prices`` are those that machines were charged by. ``sql`` is
    the question as the warehouse was asked it: it read ``rows_read`` rows in ``segments`` files. Where ``figures`` are ``invoiced``, ``invoices`` says which
    invoices they follow month by month, and ``metered_total_nanos`` is the total by the prices that were in force. ``notes`` say what else a
    reader should know.
    """

    currency: str
    by: tuple[str, ...]
    where: tuple[str, ...]
    start: datetime
    end: datetime
    zone: str
    total_nanos: int
    all_nanos: int
    rows: tuple[BreakdownRow, ...]
    rest_nanos: int
    rest_rows: int
    unseen_nanos: int
    clusters: int
    names: Mapping[str, str]
    rules_version: int
    rates: RateCard
    coverage: float = 1.0
    prices: tuple[PriceCovers, ...] = ()
    as_of: datetime | None = None
    sql: str = ""
    rows_read: int = 0
    segments: int = 0
    figures: str = "metered"
    metered_total_nanos: int | None = None
    unplaced_nanos: int = 0
    invoices: tuple[InvoicedMonth, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """The total in units of the currency."""
        return to_decimal(self.total_nanos)
