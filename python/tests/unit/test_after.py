"""What is said after a computation, without a server."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import dask.config
import pytest
from samples import bill, line

from lineitem import Bill, Receipt, ReceiptLine, _accounts, _after, _receipt
from lineitem._html import line_html
from lineitem._view import bill_rows
from lineitem._wire import decode
from lineitem._words import operation_words

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def receipt(**changes: Any) -> Receipt:
    told: dict[str, Any] = {
        "currency": "USD",
        "start": AT,
        "end": AT,
        "cost_nanos": 420_000_000,
        "work_nanos": 300_000_000,
        "idle_share": 0.22,
        "complete": True,
        "top": ReceiptLine(
            file="/home/ana/load.py", line=14, text="", operation="read.csv", cost_nanos=256_000_000, share=0.85
        ),
        **changes,
    }
    return Receipt(**told)


def said(seconds: float = 190, **changes: Any) -> str:
    return " · ".join(_receipt.receipt_parts(receipt(**changes), seconds, "load.py:14")).replace("\u202f", " ")


def test_the_line_is_that_of_the_design() -> None:
    assert said() == "$0.42 · 3 min 10 s · 61 % parsing CSV (load.py:14) · 22 % idle"


def test_what_does_not_matter_is_left_out() -> None:
    assert said(idle_share=0.09) == "$0.42 · 3 min 10 s · 61 % parsing CSV (load.py:14)"
    assert said(top=None) == "$0.42 · 3 min 10 s · 22 % idle"
    assert said(complete=False).startswith("$0.42 so far · ")
    assert said(work_nanos=0) == ""
    assert said(seconds=0.9, cost_nanos=9_999_999) == ""
    assert said(seconds=0.9, cost_nanos=10_000_000).startswith("$0.010 · 0.90 s · 100 % parsing CSV")
    assert said(seconds=1.0, cost_nanos=9_000, work_nanos=5_000, top=None) == "$0.0000090 · 1.0 s · 22 % idle"


@pytest.mark.parametrize("seed", range(20))
def test_shares_never_exceed_the_whole(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        cost = dice.choice([0, 1, dice.randint(0, 10**6), dice.randint(0, 10**12)])
        top = ReceiptLine(
            file="a.py", line=1, text="", operation="x", cost_nanos=dice.randint(0, 2 * cost + 1), share=1.0
        )
        parts = _receipt.receipt_parts(
            receipt(cost_nanos=cost, work_nanos=dice.randint(0, cost), top=top, idle_share=dice.uniform(0, 1.2)), 5.0
        )
        shares = [int(part.partition("\u202f%")[0]) for part in parts if "\u202f%" in part]
        assert sum(shares) <= 100
        assert all(share >= 0 for share in shares)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("read.csv", "parsing CSV"),
        ("read.parquet", "reading Parquet"),
        ("write.parquet", "writing Parquet"),
        ("write.storage", "writing to storage"),
        ("train.xgboost", "training XGBoost"),
        ("predict.sklearn", "predicting with scikit-learn"),
        ("convert.string", "converting to strings"),
        ("groupby", "grouping"),
        ("user", "own Python"),
        ("gpu.cudf", "GPU work: cudf"),
        ("unknown", "other work"),
        ("", "other work"),
        ("new_kind.of_work", "new kind of work"),
    ],
)
def test_operations_have_words(operation: str, words: str) -> None:
    assert operation_words(operation) == words


def test_every_operation_of_the_servers_rules_has_a_verb() -> None:
    rules = _repository() / "internal" / "core" / "profile" / "rules.txt"
    names = {
        row.split()[0]
        for row in rules.read_text(encoding="utf-8").splitlines()
        if row.strip() and not row.startswith(("#", "version", "own", "level", " ", "\t"))
    }
    assert len(names) > 30
    for name in names:
        verb = operation_words(name.partition(".")[0])
        # A word of our own, not the code spelled out.
        assert verb != name.partition(".")[0], name


def _repository() -> Path:
    from pathlib import Path

    return Path(__file__).parents[3]


def test_the_line_in_a_notebook_is_safe() -> None:
    html = line_html("<b>$1 · 2 s · <script>", 'javascript:alert("x")')
    assert "<script" not in html
    assert "javascript:" not in html
    assert 'href="https://x/&quot;' in line_html("$1 · 2 s", 'https://x/"')


def test_nobody_waits_for_a_server_that_hangs() -> None:
    let_go = threading.Event()

    def hang() -> str:
        let_go.wait()
        return "too late"

    assert _receipt.say(hang, 0.01) is None
    let_go.set()

    def fail() -> str:
        raise OSError("no server")

    assert _receipt.say(fail) is None
    assert _receipt.say(lambda: "said") == "said"


def test_a_cell_without_a_cluster_is_followed_by_nothing() -> None:
    watch = _after.CellWatch(object())
    watch.before()
    watch.after()
    with dask.config.set({"lineitem.receipts": False}):
        assert not _receipt.enabled()
        watch.after()
    assert _accounts.accounts() == []


def random_bill(dice: random.Random, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make up a bill; a later one of the same cluster if there is one before."""
    spent = {(part["line"], part["origin_line"]): part["cost_nanos"] for part in (before or {"lines": []})["lines"]}
    idle = {part["name"]: part["cost_nanos"] for part in (before or {"categories": []})["categories"]}
    for _ in range(dice.randint(0, 12)):
        at = (dice.randint(1, 5), dice.randint(1, 5))
        spent[at] = spent.get(at, 0) + dice.randint(0, 10**9)
    for name in ("idle.no_work", "overhead.dask", "unattributed"):
        idle[name] = idle.get(name, 0) + dice.randint(0, 10**9)
    unknown = dice.randint(0, 10**6)
    lines = [
        line(
            nanos,
            line=at,
            origin_file="/home/ana/run.py",
            origin_line=origin,
            prefixes=[],
            thread_seconds=nanos // 1000 / 1e6,
        )
        for (at, origin), nanos in spent.items()
        if dice.random() < 0.95  # sometimes classified in another way by now
    ]
    return bill(lines, idle, unknown)


@pytest.mark.parametrize("seed", range(50))
def test_the_bill_of_a_cell_adds_up(seed: int) -> None:
    dice = random.Random(seed)
    first = random_bill(dice)
    earlier, later = decode(Bill, first), decode(Bill, random_bill(dice, first))
    part = later.since(earlier)
    assert part.total_nanos == later.total_nanos - earlier.total_nanos
    parts = sum(p.cost_nanos for p in (*part.lines,)) + sum(p.cost_nanos for p in part.categories)
    assert parts + part.unknown_nanos == part.total_nanos
    assert all(p.cost_nanos > 0 for p in part.lines)
    assert part.start == earlier.as_of
    rows, _ = bill_rows(part)
    assert sum(row.nanos for row in rows if not row.inside) == part.total_nanos


def test_a_bill_minus_itself_is_nothing() -> None:
    same = decode(Bill, random_bill(random.Random(1)))
    part = same.since(same)
    assert (part.total_nanos, part.lines, part.categories, part.unknown_nanos) == (0, (), (), 0)


def test_rounding_is_not_work() -> None:
    earlier = decode(Bill, bill([line(1_000), line(2_000, line=15)], {"idle.no_work": 10}))
    later = decode(Bill, bill([line(1_003), line(2_900, line=15, thread_seconds=1.6)], {"idle.no_work": 500}))
    part = later.since(earlier)
    assert [(p.line, p.cost_nanos) for p in part.lines] == [(15, 900)]
    assert [(p.name, p.cost_nanos) for p in part.categories] == [("idle.no_work", 493)]


def test_gpus_of_a_part_of_a_bill() -> None:
    def gpu(seconds: float, nanos: int, idle: int, model: str = "H200") -> dict[str, Any]:
        return {
            "model": model,
            "devices": 2,
            "seconds": seconds,
            "unpriced_seconds": seconds / 4,
            "cost_nanos": nanos,
            "idle_cost_nanos": idle,
        }

    earlier = decode(Bill, {**bill([], {"idle.gpu": 10}), "gpus": [gpu(40, 100, 10), gpu(7, 9, 0, "L4")]})
    later = decode(
        Bill, {**bill([], {"idle.gpu": 30}), "gpus": [gpu(60, 150, 30), gpu(7, 9, 0, "L4"), gpu(8, 3, 0, "T4")]}
    )
    told = [
        (p.model, p.seconds, p.unpriced_seconds, p.cost_nanos, p.idle_cost_nanos) for p in later.since(earlier).gpus
    ]
    assert told == [("H200", 20.0, 5.0, 50, 20), ("T4", 8.0, 2.0, 3, 0)]
    assert decode(Bill, bill([], {})).gpus == ()


def test_bills_of_two_clusters_have_no_difference() -> None:
    one = decode(Bill, bill([], {}))
    other = decode(Bill, {**bill([], {}), "cluster_id": "cl_2"})
    with pytest.raises(ValueError, match="two clusters: cl_1 and cl_2"):
        other.since(one)


def test_lines_stand_inside_the_line_that_created_their_work() -> None:
    origin = {
        "origin_file": "/home/ana/run.py",
        "origin_line": 3,
        "origin_text": " load(path)",
        "operation": "read.csv",
    }
    lines = [
        line(60, line=14, **origin),
        line(30, line=15, text="clean(x)", **origin),
        line(5, line=3, file="/home/ana/run.py", text="load(path)", **origin),
        line(8, line=9, text="own", prefixes=[]),
    ]
    rows, total = bill_rows(decode(Bill, bill(lines, {"idle.no_work": 20})))
    assert [(row.place, row.name, row.code, row.nanos, row.inside) for row in rows] == [
        ("run.py:3", "parsing CSV", "load(path)", 95, False),
        ("load.py:14", "", "return pd.read_csv(path)", 60, True),
        ("load.py:15", "", "clean(x)", 30, True),
        ("run.py:3", "", "load(path)", 5, True),
        ("load.py:9", "load", "own", 8, False),
        ("", "idle, no work", "", 20, False),
    ]
    assert total == "$0.00000012"
    frame = decode(Bill, bill(lines, {"idle.no_work": 20})).to_dataframe()
    by_origin = frame.groupby(["origin_file", "origin_line", "operation"])["cost_nanos"].sum()
    assert by_origin["/home/ana/run.py", 3, "read.csv"] == 95
