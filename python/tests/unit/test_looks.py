from __future__ import annotations

import builtins
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from samples import bill, line

from lineitem import Bill
from lineitem._html import bill_html, cluster_html
from lineitem._view import ClusterView, bill_rows, bill_text, cluster_text, short_file
from lineitem._wire import decode

VIEW = ClusterView(
    name="nowcast-jl",
    status="running",
    reason="",
    backend="local",
    currency="USD",
    rate_nanos_per_hour=7_970_000_000,
    cost_nanos=420_000_000,
    workers_up=5,
    workers_wanted=8,
    nthreads=2,
    memory_bytes=16_000_000_000,
    adaptive="",
    url="http://127.0.0.1:8470/clusters/cl_1",
    dashboard_link="http://127.0.0.1:8787/status",
    at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
)

EXAMPLE = decode(
    Bill,
    bill(
        [line(260_000_000), line(50_000_000, line=31, text="<b>&", prefixes=[])],
        {"idle.no_work": 90_000_000, "overhead.dask": 20_000_000, "new.kind": 1},
        unknown=5_000_000,
    ),
)


class Page(HTMLParser):
    """Collects the text of HTML and checks that its tags are in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data.strip())


def test_cluster_in_a_terminal() -> None:
    assert cluster_text(VIEW) == (
        "Cluster nowcast-jl, running\n"
        "  $7.97/h, $0.42 so far\n"
        "  5 of 8 workers, 2 threads, 16 GB each\n"
        "  http://127.0.0.1:8470/clusters/cl_1"
    )
    failed = replace(VIEW, status="failed", reason="The scheduler ended.", adaptive="adaptive 1 to 8")
    assert "  The scheduler ended.\n" in cluster_text(failed)
    assert "5 of 8 workers, adaptive 1 to 8, " in cluster_text(failed)


def test_cluster_in_a_notebook() -> None:
    page = Page(cluster_html(VIEW))
    for text in (
        "nowcast-jl",
        "running",
        "Rate",
        "$7.97/h",
        "Cost so far",
        "$0.42",
        "Workers",
        "5 of 8",
        "Lineitem",
        "Dask dashboard",
    ):
        assert text in page.text
    assert "2 threads, 16 GB each. As of 2026-01-02 03:04:05 UTC." in page.text
    names = {name for name, _ in page.attributes}
    assert names <= {"style", "href", "target", "rel", "aria-label"}


def test_what_others_wrote_cannot_change_the_page() -> None:
    nasty = '"><script>alert(1)</script>'
    html = cluster_html(
        replace(
            VIEW, name=nasty, status=nasty, reason=nasty, backend=nasty, url=nasty, dashboard_link="javascript:alert(1)"
        )
    )
    html += bill_html(
        decode(Bill, bill([line(1, file=f"/{nasty}", text=nasty, function=nasty, prefixes=[])], {nasty: 1}))
    )
    assert "<script" not in html
    assert "javascript:" not in html
    Page(html)


def test_bill_in_a_notebook() -> None:
    page = Page(EXAMPLE._repr_html_())
    assert page.text[:5] == ["read-csv", "load.py:14", "return pd.read_csv(path)", "61.2\u202f%", "$0.26"]
    for text in ("<b>&", "idle, no work", "overhead of Dask", "new.kind", "not observed", "total, 3 min 10 s"):
        assert text in page.text
    note = "As of 2026-01-02 03:07:15 UTC. 97\u202f% of the workers' time was observed. Price: Configured."
    assert note in page.text


def test_bill_in_a_terminal() -> None:
    lines = bill_text(EXAMPLE).splitlines()
    assert lines[0].split() == ["$0.26", "61.2", "%", "load.py:14", "read-csv", "return", "pd.read_csv(path)"]
    assert lines[-3].split() == ["$0.43", "total"]
    assert lines[-1].endswith("of the workers' time was observed. Price: Configured.")
    assert str(EXAMPLE) == bill_text(EXAMPLE)
    assert repr(EXAMPLE) == "<Bill of cl_1: $0.43, 2 lines, as of 2026-01-02 03:07:15 UTC>"


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = bill_text(decode(Bill, bill([line(1, text="x = '\x1b[2J\t'" + "y" * 200)], {})))
    assert "\x1b" not in text
    assert "\t" not in text
    assert max(map(len, text.splitlines())) < 170


def test_shown_parts_of_a_bill_add_up_and_many_lines_are_gathered() -> None:
    many = decode(Bill, bill([line(1_000_000 * (40 - i), line=i) for i in range(40)], {"idle.no_work": 3}, unknown=7))
    rows, total = bill_rows(many)
    assert sum(r.nanos for r in rows) == many.total_nanos
    assert sum(Decimal(r.money.strip("$")) for r in rows) == Decimal(total.strip("$"))
    assert [r.name for r in rows if r.kind == "other"] == ["25 more lines"]


def test_empty_bill_has_a_look_too() -> None:
    empty = decode(Bill, bill([], {}))
    assert "total" in str(empty)
    Page(empty._repr_html_())


def test_amounts_of_a_bill_are_exact() -> None:
    assert EXAMPLE.total == Decimal("0.425000001")
    assert EXAMPLE.lines[0].cost == Decimal("0.26")
    assert EXAMPLE.categories[-1].cost == Decimal("0.000000001")


def test_bill_as_a_frame_adds_up() -> None:
    frame = EXAMPLE.to_dataframe()
    assert list(frame["kind"]) == ["line", "line", "category", "category", "category", "unknown"]
    assert frame["cost_nanos"].sum() == EXAMPLE.total_nanos
    assert frame["cost"].sum() == pytest.approx(0.425000001)
    assert frame["thread_seconds"].iloc[-1] == 10.0


def test_without_pandas_a_frame_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install pandas"):
        EXAMPLE.to_dataframe()


def test_files_are_shortened_for_a_column() -> None:
    assert short_file("/home/ana/load.py") == "load.py"
    assert short_file("C:\\ana\\load.py") == "load.py"
    assert short_file("cell:1234567890") == "cell:12345678"
