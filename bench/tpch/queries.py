"""Some of TPC-H's questions as Dask programs, written for this repository.

Each function takes the folder of the tables (with a slash at its end), the file system for ``read_parquet`` and the scale, and
returns what is to be computed.
"""

# ruff: noqa: ARG001 - all queries are called alike

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import pandas as pd


def _table(folder: str, name: str, fs: str | None) -> Any:
    return dd.read_parquet(folder + name, filesystem=fs)


def query_01(folder: str, fs: str | None, scale: float) -> Any:
    """How much was sold, at which discount, by return flag and status of the line."""
    lines = _table(folder, "lineitem", fs)
    lines = lines[lines.l_shipdate <= pd.Timestamp("1998-09-02")]
    lines["net"] = lines.l_extendedprice * (1 - lines.l_discount)
    lines["gross"] = lines.net * (1 + lines.l_tax)
    return (
        lines.groupby(["l_returnflag", "l_linestatus"])
        .agg(
            {
                "l_quantity": ["sum", "mean"],
                "l_extendedprice": ["sum", "mean"],
                "net": "sum",
                "gross": "sum",
                "l_discount": "mean",
                "l_orderkey": "count",
            }
        )
        .reset_index()
    )


def query_03(folder: str, fs: str | None, scale: float) -> Any:
    """Which ten orders not yet shipped are worth most, for one market segment."""
    day = pd.Timestamp("1995-03-15")
    customers = _table(folder, "customer", fs)
    orders = _table(folder, "orders", fs)
    lines = _table(folder, "lineitem", fs)
    builders = customers[customers.c_mktsegment == "BUILDING"]
    before = orders[orders.o_orderdate < day]
    later = lines[lines.l_shipdate > day]
    joined = builders.merge(before, left_on="c_custkey", right_on="o_custkey")
    joined = joined.merge(later, left_on="o_orderkey", right_on="l_orderkey")
    joined["revenue"] = joined.l_extendedprice * (1 - joined.l_discount)
    worth = joined.groupby(["l_orderkey", "o_orderdate", "o_shippriority"]).revenue.sum()
    return worth.reset_index().nlargest(10, "revenue")


def query_05(folder: str, fs: str | None, scale: float) -> Any:
    """How much did suppliers of one region sell to customers of their own nation."""
    regions = _table(folder, "region", fs)
    nations = _table(folder, "nation", fs)
    customers = _table(folder, "customer", fs)
    orders = _table(folder, "orders", fs)
    lines = _table(folder, "lineitem", fs)
    suppliers = _table(folder, "supplier", fs)
    year = orders[
        (orders.o_orderdate >= pd.Timestamp("1994-01-01")) & (orders.o_orderdate < pd.Timestamp("1995-01-01"))
    ]
    asia = regions[regions.r_name == "ASIA"].merge(nations, left_on="r_regionkey", right_on="n_regionkey")
    buyers = asia.merge(customers, left_on="n_nationkey", right_on="c_nationkey")
    sold = buyers.merge(year, left_on="c_custkey", right_on="o_custkey")
    sold = sold.merge(lines, left_on="o_orderkey", right_on="l_orderkey")
    local = suppliers.merge(sold, left_on=["s_suppkey", "s_nationkey"], right_on=["l_suppkey", "n_nationkey"])
    local["revenue"] = local.l_extendedprice * (1 - local.l_discount)
    return local.groupby("n_name").revenue.sum().reset_index().sort_values("revenue", ascending=False)


def query_06(folder: str, fs: str | None, scale: float) -> Any:
    """How much more would have come in without small discounts on small lines."""
    lines = _table(folder, "lineitem", fs)
    lines = lines[(lines.l_shipdate >= pd.Timestamp("1994-01-01")) & (lines.l_shipdate < pd.Timestamp("1995-01-01"))]
    lines = lines[lines.l_discount.between(0.05, 0.07)]
    small = lines[lines.l_quantity < 24]
    return (small.l_extendedprice * small.l_discount).to_frame("revenue").sum()


def query_13(folder: str, fs: str | None, scale: float) -> Any:
    """How many customers have placed how many orders, those with special requests left out."""
    customers = _table(folder, "customer", fs)
    orders = _table(folder, "orders", fs)
    plain = orders[~orders.o_comment.str.contains("special.*requests")]
    placed = customers.merge(plain, left_on="c_custkey", right_on="o_custkey", how="left")
    counts = placed.groupby("c_custkey").o_orderkey.count().rename("placed").reset_index()
    return counts.groupby("placed").size().rename("customers").reset_index()


def query_22(folder: str, fs: str | None, scale: float) -> Any:
    """Which customers have money and have never ordered, by the country code of their phone."""
    customers = _table(folder, "customer", fs)
    orders = _table(folder, "orders", fs)
    customers["country"] = customers.c_phone.str.slice(0, 2)
    asked = customers[customers.country.isin(["13", "31", "23", "29", "30", "18", "17"])]
    mean = asked[asked.c_acctbal > 0].c_acctbal.mean()
    rich = asked[asked.c_acctbal > mean]
    ordered = rich.merge(orders, left_on="c_custkey", right_on="o_custkey", how="left")
    never = ordered[ordered.o_orderkey.isna()]
    return never.groupby("country").c_acctbal.agg(["count", "sum"]).reset_index()
