"""What a cluster and a bill look like: the facts in display order, and the plain text of a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineitem._money import format_bytes, format_fitted, format_money, format_share

if TYPE_CHECKING:
    from datetime import datetime

    from lineitem._bill import Bill

_SHOWN_LINES = 15

_CATEGORIES = {
    "idle.no_work": "idle, no work",
    "idle.starved": "idle, work elsewhere",
    "idle.waiting_data": "idle, waiting for data",
    "idle.paused": "idle, paused: memory full",
    "idle.holding": "idle, holding data",
    "idle.starting": "starting",
    "idle.closing": "closing",
    "overhead.dask": "overhead of Dask",
    "overhead.scheduler": "scheduler",
    "unattributed": "work on no known line",
}


@dataclass(frozen=True, kw_only=True)
class ClusterView:
    """What is shown of a cluster, as it was ``at`` that time."""

    name: str
    status: str
    reason: str
    backend: str
    currency: str
    rate_nanos_per_hour: int
    cost_nanos: int
    workers_up: int
    workers_wanted: int
    nthreads: int
    memory_bytes: int
    adaptive: str
    url: str
    dashboard_link: str
    at: datetime

    @property
    def rate(self) -> str:
        """Price of an hour."""
        return f"{format_money(self.rate_nanos_per_hour, self.currency)}/h"

    @property
    def cost(self) -> str:
        """What it has cost so far."""
        return format_money(self.cost_nanos, self.currency)

    @property
    def workers(self) -> str:
        """How many workers are up, of how many."""
        return f"{self.workers_up} of {self.workers_wanted}"

    @property
    def each(self) -> str:
        """What one worker has."""
        threads = f"{self.nthreads} thread{'' if self.nthreads == 1 else 's'}" if self.nthreads else ""
        memory = format_bytes(self.memory_bytes) if self.memory_bytes else ""
        both = ", ".join(part for part in (threads, memory) if part)
        return f"{both} each" if both else ""

    @property
    def as_of(self) -> str:
        """When this was true."""
        return f"As of {self.at:%Y-%m-%d %H:%M:%S} UTC"


def cluster_text(view: ClusterView) -> str:
    """Return the text of a cluster for a terminal."""
    lines = [f"Cluster {view.name}, {view.status}"]
    if view.reason:
        lines.append(f"  {view.reason}")
    lines.append(f"  {view.rate}, {view.cost} so far")
    lines.append("  " + ", ".join(part for part in (f"{view.workers} workers", view.adaptive, view.each) if part))
    lines.append(f"  {view.url}")
    return "\n".join(lines)


@dataclass(frozen=True)
class BillRow:
    """One row of a bill: ``kind`` is line, idle, overhead, other or unknown."""

    kind: str
    name: str
    place: str
    code: str
    nanos: int
    share: str
    money: str


def bill_rows(bill: Bill) -> tuple[list[BillRow], str]:
    """Return the rows of a bill, dearest first within lines and rest, and its total; the shown figures add up."""
    parts: list[tuple[str, str, str, str, int]] = []
    for line in bill.lines[:_SHOWN_LINES]:
        name = line.prefixes[0].prefix if line.prefixes else line.function
        parts.append(("line", name, f"{short_file(line.file)}:{line.line}", line.text.strip(), line.cost_nanos))
    rest = bill.lines[_SHOWN_LINES:]
    if rest:
        parts.append(("other", f"{len(rest)} more lines", "", "", sum(line.cost_nanos for line in rest)))
    for category in bill.categories:
        family = category.name.partition(".")[0]
        kind = family if family in ("idle", "overhead") else "other"
        parts.append((kind, _CATEGORIES.get(category.name, category.name), "", "", category.cost_nanos))
    if bill.unknown_nanos:
        parts.append(("unknown", "not observed", "", "", bill.unknown_nanos))
    shown, total = format_fitted([p[4] for p in parts], bill.currency)
    rows = [BillRow(*p, share=format_share(p[4], bill.total_nanos), money=m) for p, m in zip(parts, shown, strict=True)]
    return rows, total


def short_file(file: str) -> str:
    """Return a file name as it fits a column: without folders, a cell's hash cut short."""
    if file.startswith("cell:"):
        return file[: len("cell:") + 8]
    return re.split(r"[\\/]", file)[-1]


def bill_text(bill: Bill) -> str:
    """Return the text of a bill for a terminal."""
    rows, total = bill_rows(bill)
    table = [(r.money, r.share, r.place, r.code or r.name) for r in rows]
    table.append((total, "", "", "total"))
    money, share, place = (max(len(row[i]) for row in table) for i in range(3))
    lines = [f"{m:>{money}}  {s:>{share}}  {p:<{place}}  {_clip(what)}".rstrip() for m, s, p, what in table]
    lines.insert(-1, "─" * max(len(line) for line in lines))
    return "\n".join(lines)


def _clip(text: str) -> str:
    # Source text comes from users: control characters must not steer the terminal.
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= 100 else text[:99] + "…"
