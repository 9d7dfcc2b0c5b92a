"""What a period cost and what to think of it, as frozen dataclasses: the mirror of ``sdk/openapi.json``, field by field.

Money is in whole nano-units (billionths) of the named currency, times are in UTC; days are of the calendar, as ``2026-11-30``.
"""
# ruff: noqa: TC001, TC003 -- the decoder resolves the annotations at run time.

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lineitem._models import RateCard
from lineitem._money import to_decimal


@dataclass(frozen=True, kw_only=True)
class OverviewPoint:
    """What the period will have cost at the end of a day: four times out of five within ``[low, high]``."""

    low_nanos: int
    mid_nanos: int
    high_nanos: int


@dataclass(frozen=True, kw_only=True)
class OverviewForecast:
    """What the period will have cost at its end; ``path`` is the same for the end of today and of each day after it.

    It was learnt from ``history_days``, and its interval measured by ``tested`` forecasts of the past.
    """

    low_nanos: int
    mid_nanos: int
    high_nanos: int
    history_days: int
    tested: int
    path: tuple[OverviewPoint, ...]


@dataclass(frozen=True, kw_only=True)
class OverviewOwner:
    """A user, and what a part cost on their clusters."""

    user: str
    cost_nanos: int

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class OverviewPart:
    """A share of what was spent: an operation of work, or a category of what is no work.

    ``fixer`` (``owner``, ``platform`` or empty) can do something about it, ``advice`` says what. ``owners`` have most of what owners can
    mend, dearest first; ``more_owners`` others have some of it, too.
    """

    kind: str
    name: str
    cost_nanos: int
    before_nanos: int
    waste: bool
    fixer: str
    advice: str
    owners: tuple[OverviewOwner, ...]
    more_owners: int

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class OverviewPayer:
    """A user or a group, by day from the overview's ``first_day``; no days for those that are not among the dearest."""

    key: str
    cost_nanos: int
    before_nanos: int
    days_nanos: tuple[int, ...]

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class OverviewLine:
    """A line of code that created work; ``operation`` and ``payer`` are what and whose most of it was."""

    file: str
    line: int
    text: str
    operation: str
    payer: str
    cluster_id: str
    cost_nanos: int
    before_nanos: int

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class OverviewMover:
    """What a user, group, operation or line cost, now and before."""

    key: str
    cost_nanos: int
    before_nanos: int


@dataclass(frozen=True, kw_only=True)
class OverviewMovers:
    """What changed most, by money, along one dimension."""

    by: str
    items: tuple[OverviewMover, ...]


@dataclass(frozen=True, kw_only=True)
class OverviewAnomaly:
    """A day, or some in a row, on which something cost far more than it ever did in the weeks before."""

    by: str
    key: str
    first_day: str
    last_day: str
    cost_nanos: int
    usual_nanos: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class OverviewQuestion:
    """A question of cost that figures were made from; ``path`` answers it again."""

    about: str
    by: tuple[str, ...]
    path: str
    start: datetime
    end: datetime
    rows: int
    total_nanos: int
    clusters: int
    as_of: datetime | None = None
    sql: str = ""
    read_rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What was spent in ``[start, end)`` as far as it has come (``until``), and what to think of it.

    Attributes
    ----------
    before_nanos : int
        Cost of what it is compared with, ``[before_start, before_end)``.
    waste_nanos, unseen_nanos : int
        What was paid for and brought nothing, and what nobody observed.
    whole : bool
        Whether this is all that was spent, rather than what the caller may see.
    split : tuple of OverviewPart
        Where the money went; sums to the total.
    payers : tuple of OverviewPayer
        Users or groups, as ``by`` says; sums to the total.
    notes : tuple of str
        What a reader of the figures should know, as of days whose detail was lost.
    """

    currency: str
    zone: str
    month: str
    start: datetime
    end: datetime
    until: datetime
    as_of: datetime
    before_start: datetime
    before_end: datetime
    whole: bool
    total_nanos: int
    before_nanos: int
    waste_nanos: int
    waste_before_nanos: int
    unseen_nanos: int
    clusters: int
    first_day: str
    days_nanos: tuple[int, ...]
    forecast: OverviewForecast | None = None
    no_forecast: str
    split: tuple[OverviewPart, ...]
    by: str
    payers: tuple[OverviewPayer, ...]
    lines: tuple[OverviewLine, ...]
    lines_nanos: int
    rest_nanos: int
    rest_lines: int
    movers: tuple[OverviewMovers, ...]
    anomalies: tuple[OverviewAnomaly, ...]
    questions: tuple[OverviewQuestion, ...]
    notes: tuple[str, ...] = ()
    rates: RateCard

    @property
    def total(self) -> Decimal:
        """What was spent, in units of the currency, exactly."""
        return to_decimal(self.total_nanos)

    @property
    def waste(self) -> Decimal:
        """What of it brought nothing, in units of the currency, exactly."""
        return to_decimal(self.waste_nanos)


@dataclass(frozen=True, kw_only=True)
class ReportWeek:
    """What a week before cost."""

    week: str
    cost_nanos: int

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a week cost; ``scope`` is ``own``, ``all``, or the path of a group. ``weeks`` are up to eight before, oldest first."""

    week: str
    scope: str
    reader: str
    overview: Overview
    weeks: tuple[ReportWeek, ...]

    @property
    def total(self) -> Decimal:
        """What was spent, in units of the currency, exactly."""
        return self.overview.total
