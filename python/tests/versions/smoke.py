"""A program of every kind on a watched cluster, with whatever Dask is installed: books that balance, lines that are known.

Not collected by pytest: the lines below are what is looked for in the telemetry. Run by scripts/test-dask-versions.sh.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "agent"))

import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd
from agent_lab import check_books
from dask.delayed import delayed
from distributed import Client, LocalCluster
from watch_lab import USER_TOKEN, Office

import lineitem

ROWS = 400_000


def spin(seconds: float) -> int:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1_000))
    return 1


def frame() -> float:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"key": rng.integers(0, 50, ROWS), "value": rng.random(ROWS)})
    whole = dd.from_pandas(table, npartitions=8)
    doubled = whole.assign(twice=whole["value"] * 2)
    means = doubled.groupby("key")["twice"].mean()
    return float(means.compute().sum())


def array() -> float:
    random = da.random.random((2_000, 2_000), chunks=(500, 500))
    product = random @ random.T
    return float(product.mean().compute())


def bag() -> int:
    numbers = db.from_sequence([0.05] * 20, npartitions=10)
    return int(numbers.map(spin).sum().compute())


def lazily() -> int:
    parts = [delayed(spin)(0.05) for _ in range(20)]
    return int(delayed(sum)(parts).compute())


def futures(client: Client) -> int:
    mapped = client.map(spin, [0.05] * 20, pure=False)
    single = client.submit(spin, 0.1, pure=False)
    return int(sum(client.gather(mapped)) + single.result())


def report(office: Office) -> None:
    """Print what is known of the work, and check what has to hold."""
    batches = office.of("worker")
    check_books(batches)
    assert {batch["process"][:11] for batch in batches} == {"cl_watched0"}
    origins = {row["id"]: row for batch in office.of("scheduler") for row in batch.get("origins", ())}
    seconds: Counter[str] = Counter()
    for batch in batches:
        for _, _, _, thread, _, _, origin, *_ in batch["ledger"]:
            row = origins.get(origin)
            seconds["total"] += thread
            seconds["with an origin" if row and Path(row["file"]).name == "smoke.py" else "without"] += thread
    levels: Counter[str] = Counter()
    asked = {row["id"]: row for row in office.submissions()}
    for row in asked.values():
        levels.update(row["levels"])
        assert (Path(row["file"]).name, row["line"] > 0) == ("smoke.py", True), row
    (described,) = [batch["cluster"] for batch in office.of("scheduler") if batch.get("cluster")][:1]
    share = seconds["with an origin"] / seconds["total"]
    print(
        f"distributed {described['distributed']}, dask {described['dask']}, pandas {pd.__version__}: "
        f"{len(batches)} batches balance, {len(asked)} submissions, {seconds['total'] / 1e6:.1f} s of threads, "
        f"{share:.1%} with an origin; tasks by level: {dict(levels)}"
    )
    assert described["distributed"] == distributed.__version__
    assert share >= 0.95, "less than 95 % of the time has an origin"


def main() -> None:
    """Run everything, once."""
    with Office() as office:
        with (
            LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            watched: Any = lineitem.watch(client, server=office.url, token=USER_TOKEN)
            assert 45 < frame() < 55
            assert 490 < array() < 510
            assert bag() == 20
            assert lazily() == 20
            assert futures(client) == 21
            watched.stop()
        report(office)


if __name__ == "__main__":
    main()
