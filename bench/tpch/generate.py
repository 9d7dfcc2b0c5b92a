"""Tables in the shape of TPC-H, for measuring: the right schema, keys that join, and values that every query finds some of.

They are not dbgen's, so results cannot be compared with published ones. The same arguments give the same files::

    python bench/tpch/generate.py /tmp/tpch --scale 0.1
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUPPLIERS, CUSTOMERS, PARTS, ORDERS = 10_000, 150_000, 200_000, 1_500_000
SUPPLIERS_OF_A_PART = 4
ROWS_PER_FILE = 250_000

NATIONS = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0),
    ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2),
    ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
MODES = ("AIR", "AIR REG", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
INSTRUCTIONS = ("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
SIZES = ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO")
FINISHES = ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED")
METALS = ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER")
PACKS = ("SM", "MED", "LG", "JUMBO", "WRAP")
BOXES = ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM")
COLOURS = (
    "almond", "azure", "beige", "blush", "brown", "chocolate", "coral", "cream", "dim", "drab", "forest", "frosted", "green",
    "honeydew", "indian", "ivory", "khaki", "lace", "lemon", "linen", "magenta", "mint", "navy", "olive", "orchid", "peru",
)  # fmt: skip
WORDS = (
    "accounts", "carefully", "deposits", "dolphins", "final", "foxes", "furiously", "ideas", "ironic", "packages", "pending",
    "pinto", "quickly", "regular", "requests", "silent", "slyly", "special", "theodolites", "unusual",
)  # fmt: skip

_FIRST_DAY, _LAST_DAY = np.datetime64("1992-01-01"), np.datetime64("1998-08-02")
_TODAY = np.datetime64("1995-06-17")


class _Columns:
    """Makes columns, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def pick(self, choices: Sequence[str], rows: int) -> Any:
        indices = pa.array(self.rng.integers(0, len(choices), rows, dtype=np.int32))
        return pa.array(choices).take(indices)

    def join(self, parts: Sequence[Sequence[str]], rows: int) -> Any:
        combined = [""]
        for part in parts:
            combined = [f"{before} {word}".strip() for before in combined for word in part]
        return self.pick(combined, rows)

    def money(self, low: float, high: float, rows: int) -> Any:
        return np.round(self.rng.uniform(low, high, rows), 2)

    def comment(self, rows: int, also: str = "", share: float = 0.0) -> Any:
        known = [" ".join(self.rng.choice(WORDS, 4)) for _ in range(500)]
        known[: int(500 * share)] = [f"{text[:8]} {also} {text[8:]}" for text in known[: int(500 * share)]]
        return self.pick(known, rows)

    def phone(self, nations: Any) -> list[str]:
        digits = self.rng.integers(100, 999, (len(nations), 3))
        return [f"{10 + n}-{a}-{b}-{c}{a}" for n, (a, b, c) in zip(nations.tolist(), digits.tolist(), strict=True)]

    def days(self, since: Any, low: int, high: int) -> Any:
        return since + self.rng.integers(low, high + 1, len(since)).astype("timedelta64[D]")


def _named(word: str, keys: Any) -> list[str]:
    return [f"{word}#{key:09d}" for key in keys.tolist()]


def _time(days: Any) -> Any:
    return pa.array(days.astype("datetime64[ms]"), type=pa.timestamp("ms"))


def tables(scale: float, seed: int = 19_920_101) -> dict[str, Any]:
    """Make all eight tables.

    Parameters
    ----------
    scale
        1 is about six million rows of ``lineitem``.
    seed
        Another one gives other values.
    """
    make = _Columns(seed)
    rng = make.rng
    suppliers, customers, parts, orders = (
        max(least, round(count * scale))
        for count, least in ((SUPPLIERS, 40), (CUSTOMERS, 300), (PARTS, 400), (ORDERS, 2_000))
    )
    made: dict[str, Any] = {
        "region": {
            "r_regionkey": np.arange(len(REGIONS)),
            "r_name": REGIONS,
            "r_comment": make.comment(len(REGIONS)),
        },
        "nation": {
            "n_nationkey": np.arange(len(NATIONS)),
            "n_name": [name for name, _ in NATIONS],
            "n_regionkey": np.array([region for _, region in NATIONS]),
            "n_comment": make.comment(len(NATIONS)),
        },
    }
    keys, nations = np.arange(1, suppliers + 1), rng.integers(0, len(NATIONS), suppliers)
    made["supplier"] = {
        "s_suppkey": keys,
        "s_name": _named("Supplier", keys),
        "s_address": make.comment(suppliers),
        "s_nationkey": nations,
        "s_phone": make.phone(nations),
        "s_acctbal": make.money(-999, 9_999, suppliers),
        "s_comment": make.comment(suppliers, "Customer unhappy Complaints", 0.02),
    }
    keys, nations = np.arange(1, customers + 1), rng.integers(0, len(NATIONS), customers)
    made["customer"] = {
        "c_custkey": keys,
        "c_name": _named("Customer", keys),
        "c_address": make.comment(customers),
        "c_nationkey": nations,
        "c_phone": make.phone(nations),
        "c_acctbal": make.money(-999, 9_999, customers),
        "c_mktsegment": make.pick(SEGMENTS, customers),
        "c_comment": make.comment(customers),
    }
    keys = np.arange(1, parts + 1)
    price = np.round((90_000 + keys // 10 % 20_001 + 100 * (keys % 1_000)) / 100, 2)
    made["part"] = {
        "p_partkey": keys,
        "p_name": make.join((COLOURS, COLOURS), parts),
        "p_mfgr": make.pick([f"Manufacturer#{n}" for n in range(1, 6)], parts),
        "p_brand": make.pick([f"Brand#{m}{n}" for m in range(1, 6) for n in range(1, 6)], parts),
        "p_type": make.join((SIZES, FINISHES, METALS), parts),
        "p_size": rng.integers(1, 51, parts),
        "p_container": make.join((PACKS, BOXES), parts),
        "p_retailprice": price,
        "p_comment": make.comment(parts),
    }
    of_part = np.repeat(keys, SUPPLIERS_OF_A_PART)
    turn = np.tile(np.arange(SUPPLIERS_OF_A_PART), parts)
    step = max(1, suppliers // SUPPLIERS_OF_A_PART)
    made["partsupp"] = {
        "ps_partkey": of_part,
        "ps_suppkey": (of_part + turn * step) % suppliers + 1,
        "ps_availqty": rng.integers(1, 10_000, len(of_part)),
        "ps_supplycost": make.money(1, 1_000, len(of_part)),
        "ps_comment": make.comment(len(of_part)),
    }
    made |= _orders(make, orders=orders, customers=customers, suppliers=suppliers, parts=parts, price=price, step=step)
    return {
        name: pa.table({column: pa.array(values) for column, values in rows.items()}) for name, rows in made.items()
    }


def _orders(
    make: _Columns, *, orders: int, customers: int, suppliers: int, parts: int, price: Any, step: int
) -> dict[str, Any]:
    rng = make.rng
    keys = np.arange(1, orders + 1)
    keys = keys // 8 * 32 + keys % 8  # as dbgen does: three quarters of the key space stay empty
    day = _FIRST_DAY + rng.integers(0, (_LAST_DAY - _FIRST_DAY).astype(int) + 1, orders).astype("timedelta64[D]")
    lines = rng.integers(1, 8, orders)
    lines[rng.random(orders) < 0.005] = 7
    of_order = np.repeat(np.arange(orders), lines)
    rows = len(of_order)
    part = rng.integers(1, parts + 1, rows)
    quantity = rng.integers(1, 51, rows).astype(float)
    quantity[np.isin(of_order, np.flatnonzero(lines == 7)[::20])] = 49.0  # some orders are large
    shipped = make.days(day[of_order], 1, 121)
    received = make.days(shipped, 1, 30)
    cost = np.round(quantity * price[part - 1], 2)
    discount, tax = rng.integers(0, 11, rows) / 100, rng.integers(0, 9, rows) / 100
    open_lines = shipped > _TODAY
    late = np.bincount(of_order, weights=open_lines, minlength=orders)
    total = np.bincount(of_order, weights=cost * (1 + tax) * (1 - discount), minlength=orders)
    buyer = rng.integers(1, customers + 1, orders)
    buyer -= buyer % 3 == 0  # a third of the customers never buys
    returned = np.where(received <= _TODAY, np.where(rng.random(rows) < 0.5, "R", "A"), "N")
    first = np.concatenate(([0], np.cumsum(lines)[:-1]))
    return {
        "orders": {
            "o_orderkey": keys,
            "o_custkey": buyer,
            "o_orderstatus": np.where(late == 0, "F", np.where(late == lines, "O", "P")),
            "o_totalprice": np.round(total, 2),
            "o_orderdate": _time(day),
            "o_orderpriority": make.pick(PRIORITIES, orders),
            "o_clerk": make.pick([f"Clerk#{n:09d}" for n in range(1, 1_001)], orders),
            "o_shippriority": np.zeros(orders, dtype=np.int64),
            "o_comment": make.comment(orders, "special requests", 0.02),
        },
        "lineitem": {
            "l_orderkey": keys[of_order],
            "l_partkey": part,
            "l_suppkey": (part + rng.integers(0, SUPPLIERS_OF_A_PART, rows) * step) % suppliers + 1,
            "l_linenumber": np.arange(rows) - first[of_order] + 1,
            "l_quantity": quantity,
            "l_extendedprice": cost,
            "l_discount": discount,
            "l_tax": tax,
            "l_returnflag": returned,
            "l_linestatus": np.where(open_lines, "O", "F"),
            "l_shipdate": _time(shipped),
            "l_commitdate": _time(make.days(day[of_order], 30, 90)),
            "l_receiptdate": _time(received),
            "l_shipinstruct": make.pick(INSTRUCTIONS, rows),
            "l_shipmode": make.pick(MODES, rows),
            "l_comment": make.comment(rows),
        },
    }


def write(made: Mapping[str, Any], folder: Path, files: int = 0) -> None:
    """Write each table into a folder of its own.

    Parameters
    ----------
    made
        See ``tables``.
    folder
        Where the tables' folders go.
    files
        Into how many files a large table goes; else by the number of its rows, at least four.
    """
    for name, table in made.items():
        home = folder / name
        home.mkdir(parents=True, exist_ok=True)
        large = name in ("lineitem", "orders", "partsupp", "customer", "part")
        count = (
            (files or max(4 if name in ("lineitem", "orders") else 2, -(-len(table) // ROWS_PER_FILE))) if large else 1
        )
        size = -(-len(table) // count)
        for number in range(count):
            pq.write_table(
                table.slice(number * size, size), home / f"{name}_{number:03d}.parquet", compression="snappy"
            )


def generate(folder: Path, scale: float = 0.1) -> None:
    """Write all tables of a scale."""
    write(tables(scale), folder)


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=0.1)
    options = parser.parse_args()
    generate(options.folder, options.scale)


if __name__ == "__main__":
    main()
