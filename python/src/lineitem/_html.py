"""The widgets for notebooks: plain HTML with inline styles, so that they survive saving, export and a dead kernel.

Colours are taken from the page where possible (``currentColor``, transparent grounds), so that they are readable in light and dark themes.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lineitem._money import format_seconds
from lineitem._view import bill_note, bill_rows

if TYPE_CHECKING:
    from lineitem._figures import BillFigures
    from lineitem._view import ClusterView

# Halfway in lightness, so that they stand out on white and on black.
_GREEN = "#2b8a62"
_RED = "#d0432c"
_AMBER = "#b0700f"
_EDGE = "rgba(128,128,128,.4)"
_MUTE = "opacity:.7"
_FONT = "font:13px/20px system-ui,sans-serif;font-variant-numeric:tabular-nums"
_SMALL = "font-size:12px;line-height:18px"

_PILL = {"running": _GREEN, "failed": _RED, "stopping": _AMBER}
_BARS = {"line": "#2b6cb0", "idle": "#9b9b93", "overhead": "#cfcfc8", "other": "#b0700f", "unknown": "transparent"}


def cluster_html(view: ClusterView) -> str:
    """Return the widget of a cluster."""
    colour = _PILL.get(view.status, "inherit")
    pill = (
        f'<span style="{_SMALL};border:1px solid currentColor;border-radius:99px;padding:0 8px;color:{colour}">'
        f"{escape(view.status)}</span>"
    )
    links = "".join(_link(url, text) for url, text in ((view.url, "Lineitem"), (view.dashboard_link, "Dask dashboard")))
    workers = f"{view.workers}, {view.adaptive}" if view.adaptive else view.workers
    cells = "".join(
        f'<div style="padding:8px 12px;{"" if i == 0 else f"border-left:1px solid {_EDGE}"}">'
        f'<span style="{_SMALL};{_MUTE}">{escape(name)}</span>'
        f'<b style="display:block;font-size:15px">{escape(value)}</b></div>'
        for i, (name, value) in enumerate((("Rate", view.rate), ("Cost so far", view.cost), ("Workers", workers)))
    )
    foot = ". ".join(part for part in (view.reason.rstrip("."), view.each, view.as_of) if part)
    return (
        f'<section aria-label="Cluster {escape(view.name)}" style="{_FONT};border:1px solid {_EDGE};border-radius:8px;max-width:720px">'
        f'<div style="display:flex;flex-wrap:wrap;gap:8px;align-items:center;padding:8px 12px;border-bottom:1px solid {_EDGE}">'
        f'<b>{escape(view.name)}</b>{pill}<span style="{_SMALL};{_MUTE}">{escape(view.backend)}</span>'
        f'<span style="flex:1"></span>{links}</div>'
        f'<div style="display:grid;grid-template-columns:repeat(3,1fr)">{cells}</div>'
        f'<div style="{_SMALL};{_MUTE};padding:6px 12px;border-top:1px solid {_EDGE}">{escape(foot)}.</div></section>'
    )


def bill_html(bill: BillFigures) -> str:
    """Return the table of a bill."""
    rows, total = bill_rows(bill)
    widest = max((r.nanos for r in rows), default=0)
    body = "".join(
        "<tr>"
        + _cell("" if r.inside else _swatch(r.kind) + " " + escape(r.name))
        + _cell(f"<code>{escape(r.place)}</code>" if r.place else "", f"padding-left:24px;{_MUTE}" if r.inside else "")
        + _cell(
            f"<code>{escape(r.code)}</code>",
            "max-width:320px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap",
        )
        + _cell("" if r.inside else _bar(r.kind, r.nanos, widest), "width:130px")
        + _cell(escape(r.share), "text-align:right;white-space:nowrap" + (f";{_MUTE}" if r.inside else ""))
        + _cell("" if r.inside else f"<b>{escape(r.money)}</b>", "text-align:right;white-space:nowrap")
        + "</tr>"
        for r in rows
    )
    span = format_seconds((bill.as_of - bill.start).total_seconds())
    edge = "border-top:1px solid currentColor"
    foot = (
        f"<tr>{_cell(f'<b>total, {escape(span)}</b>', edge)}{_cell('', edge) * 4}"
        f"{_cell(f'<b>{escape(total)}</b>', edge + ';text-align:right;white-space:nowrap')}</tr>"
    )
    note = escape(bill_note(bill))
    return (
        f'<div style="{_FONT};max-width:860px;overflow-x:auto"><table style="{_FONT};color:inherit;border-collapse:collapse;width:100%">'
        f'<tbody>{body}{foot}</tbody></table><div style="{_SMALL};{_MUTE}">{note}</div></div>'
    )


def line_html(text: str, url: str = "") -> str:
    """Return a quiet line; what stands before the first dot links to a page."""
    first, dot, rest = text.partition(" · ")
    head = escape(first)
    # Only the web's schemes, as in all links.
    if url.startswith(("http://", "https://")):
        head = (
            f'<a href="{escape(url, quote=True)}" target="_blank" rel="noopener" '
            f'style="color:inherit;text-decoration:none"><b>{head}</b></a>'
        )
    return f'<p style="{_FONT};opacity:.75;margin:4px 0">{head}{dot}{escape(rest)}</p>'


def _cell(content: str, style: str = "") -> str:
    return f'<td style="text-align:left;padding:4px 8px;border-bottom:1px solid {_EDGE};{style}">{content}</td>'


def _swatch(kind: str) -> str:
    return f'<span style="display:inline-block;width:11px;height:11px;border-radius:2px;{_ground(kind)}"></span>'


def _bar(kind: str, nanos: int, widest: int) -> str:
    width = round(120 * max(nanos, 0) / widest) if widest else 0
    return f'<span style="display:inline-block;height:10px;width:{width}px;{_ground(kind)}"></span>'


def _ground(kind: str) -> str:
    if kind == "idle":
        return f"background:repeating-linear-gradient(-45deg,{_BARS['idle']} 0 1.4px,transparent 1.4px 5px)"
    if kind in ("unknown", "lost"):
        return f"border:1px dashed {_EDGE};box-sizing:border-box"
    return f"background:{_BARS[kind]}"


def _link(url: str, text: str) -> str:
    # Only the web's schemes: a URL from elsewhere must not run script in the notebook.
    if not url.startswith(("http://", "https://")):
        return ""
    return (
        f'<a href="{escape(url, quote=True)}" target="_blank" rel="noopener" style="{_SMALL};color:{_GREEN}">{text}</a>'
    )
