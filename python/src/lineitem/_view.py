"""What a cluster and a bill look like: the facts in display order, and the plain text of a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineitem._cells import cell_number
from lineitem._money import NARROW, format_bytes, format_fitted, format_money, format_share
from lineitem._words import operation_words

if TYPE_CHECKING:
    from datetime import datetime

    from lineitem._figures import BillFigures, BillLine

_SHOWN_LINES = 15
_SHOWN_INSIDE = 5

_CATEGORIES = {
    "idle.no_work": "idle, no work",
    "idle.starved": "idle, work elsewhere",
    "idle.waiting_data": "idle, waiting for data",
    "idle.paused": "idle, paused: memory full",
    "idle.holding": "idle, holding data",
    "idle.starting": "starting",
    "idle.closing": "closing",
    "idle.gpu": "idle GPUs",
    "overhead.dask": "overhead of Dask",
    "overhead.scheduler": "scheduler",
    "lost.worker": "lost with a worker",
    "lost.telemetry": "reports lost",
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


def cluster_line(view: ClusterView) -> str:
    """Return a cluster in one line, as it stands in a notebook while it starts."""
    parts = [view.name, view.status, f"{view.workers} workers", view.rate]
    if view.status in ("failed", "stopped"):
        parts = [view.name, view.status, view.reason.rstrip("."), view.cost]
    return " · ".join(part for part in parts if part)


@dataclass(frozen=True)
class BillRow:
    """One row of a bill: ``kind`` is line, idle, overhead, lost, other or unknown.

    ``inside`` marks a row that is a part of the line above it, and so not a part of the sum.
    """

    kind: str
    name: str
    place: str
    code: str
    nanos: int
    share: str
    money: str
    inside: bool = False


@dataclass
class _Origin:
    """A line that created work: what it cost, by kind of work, and by the lines where threads stood meanwhile."""

    text: str
    nanos: int
    work: dict[str, int]
    inside: dict[tuple[str, int], tuple[str, int]]


def bill_rows(bill: BillFigures) -> tuple[list[BillRow], str]:
    """Return the rows of a bill and its total: the lines that created work, dearest first, with the lines inside them; then the rest.

    The shown figures of the rows that are not ``inside`` another add up to the total.
    """
    origins = sorted(_origins(bill).items(), key=lambda item: -item[1].nanos)
    parts: list[tuple[str, str, str, str, int]] = []
    for (file, line), origin in origins[:_SHOWN_LINES]:
        name = max(origin.work, key=origin.work.__getitem__)
        parts.append(("line", name, place_of(file, line), origin.text, origin.nanos))
    rest = origins[_SHOWN_LINES:]
    if rest:
        parts.append(("other", f"{len(rest)} more lines", "", "", sum(origin.nanos for _, origin in rest)))
    for category in bill.categories:
        family = category.name.partition(".")[0]
        kind = family if family in ("idle", "overhead", "lost") else "other"
        parts.append((kind, _CATEGORIES.get(category.name, category.name), "", "", category.cost_nanos))
    if bill.unknown_nanos:
        parts.append(("unknown", "not observed", "", "", bill.unknown_nanos))
    shown, total = format_fitted([p[4] for p in parts], bill.currency)
    rows: list[BillRow] = []
    for at, (part, money) in enumerate(zip(parts, shown, strict=True)):
        rows.append(BillRow(*part, share=format_share(part[4], bill.total_nanos), money=money))
        if at < min(len(origins), _SHOWN_LINES):
            rows += _rows_inside(origins[at][0], origins[at][1], bill)
    return rows, total


def _origins(bill: BillFigures) -> dict[tuple[str, int], _Origin]:
    """Add up the lines by the line that created their work."""
    found: dict[tuple[str, int], _Origin] = {}
    for line in bill.lines:
        known = bool(line.origin_file)
        at = (line.origin_file, line.origin_line) if known else (line.file, line.line)
        origin = found.get(at)
        if origin is None:
            text = line.origin_text if known else line.text
            origin = found[at] = _Origin(text.strip(), 0, {}, {})
        origin.nanos += line.cost_nanos
        work = _work(line)
        origin.work[work] = origin.work.get(work, 0) + line.cost_nanos
        text, nanos = origin.inside.get((line.file, line.line), (line.text.strip(), 0))
        origin.inside[line.file, line.line] = (text, nanos + line.cost_nanos)
    return found


def _work(line: BillLine) -> str:
    """Return what a line's work is called: the kind of it, or what Dask calls it where nobody knows."""
    if line.operation != "unknown":
        return operation_words(line.operation)
    return line.prefixes[0].prefix if line.prefixes else line.function


def _rows_inside(at: tuple[str, int], origin: _Origin, bill: BillFigures) -> list[BillRow]:
    """Return the dearest lines where threads stood while they did the work of another line."""
    if list(origin.inside) == [at]:
        return []
    inside = sorted(origin.inside.items(), key=lambda item: -item[1][1])
    return [
        BillRow(
            "line",
            "",
            place_of(file, line),
            text,
            nanos,
            share=format_share(nanos, bill.total_nanos),
            money=format_money(nanos, bill.currency),
            inside=True,
        )
        for (file, line), (text, nanos) in inside[:_SHOWN_INSIDE]
        if nanos * 100 >= origin.nanos
    ]


def bill_note(bill: BillFigures) -> str:
    """Return what the figures of a bill rest on."""
    notes = [f"As of {bill.as_of:%Y-%m-%d %H:%M:%S} UTC"]
    if bill.method == "sampled":
        notes.append("Looked at from outside once a second: an estimate")
    if bill.capacity_seconds > 0:
        notes.append(f"{_per_cent(bill.coverage_seconds, bill.capacity_seconds)} of the workers' time was observed")
    if bill.work_seconds > 0:
        created = _per_cent(bill.origin_seconds, bill.work_seconds)
        notes.append(
            f"{created} of the work stands on the line that created it, the rest on the line that asked for it"
        )
    notes.append(f"Price: {bill.rates.source.rstrip('.')}")
    return ". ".join(notes) + "."


def _per_cent(part: float, whole: float) -> str:
    # Rounded down: what is nearly all is not all.
    return f"{int(100 * min(1.0, part / whole) + 1e-9)}{NARROW}%"


def place_of(file: str, line: int) -> str:
    """Return what a line is called: ``load.py:14``, or ``cell 3, line 2`` in the notebook that has that cell."""
    number = cell_number(file) if file.startswith("cell:") else 0
    if number:
        return f"cell {number}, line {line}"
    return f"{short_file(file)}:{line}" if file else ""


def short_file(file: str) -> str:
    """Return a file name as it fits a column: without folders, a cell's hash cut short."""
    if file.startswith("cell:"):
        return file[: len("cell:") + 8]
    return re.split(r"[\\/]", file)[-1]


def bill_text(bill: BillFigures) -> str:
    """Return the text of a bill for a terminal."""
    rows, total = bill_rows(bill)
    table = [
        ("", r.share, f"  {r.place}", "", r.code) if r.inside else (r.money, r.share, r.place, r.name, r.code)
        for r in rows
    ]
    table.append((total, "", "", "total", ""))
    money, share, place, name = (max(len(row[i]) for row in table) for i in range(4))
    lines = [
        f"{m:>{money}}  {s:>{share}}  {p:<{place}}  {_clip(n):<{name}}  {_clip(code)}".rstrip()
        for m, s, p, n, code in table
    ]
    lines.insert(-1, "─" * max(len(line) for line in lines))
    return "\n".join([*lines, "", bill_note(bill)])


def _clip(text: str) -> str:
    # Source text comes from users: control characters must not steer the terminal.
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= 100 else text[:99] + "…"
