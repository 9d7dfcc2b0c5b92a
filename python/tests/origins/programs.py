"""Programs of users, with seconds that are known: what sleeps cannot take less, and nothing else of a line takes long."""

from __future__ import annotations

HEAD = """\
import sys
import time

import lineitem
import dask
from distributed import Client


def slow(number, seconds=0.1):
    time.sleep(seconds)
    return number


def total(numbers):
    return sum(numbers)


def slow_part(frame):
    time.sleep(0.1)
    return frame.assign(twice=frame.x * 2)


def slow_block(block):
    time.sleep(0.1)
    return block + 1


"""

TAIL = """

if __name__ == "__main__":
    with Client(sys.argv[1]) as client:
        client.wait_for_workers(1, timeout=120)
        main(client)
"""

DATAFRAME = """\
def main(client):
    import dask.dataframe as dd
    import pandas as pd

    table = dd.from_pandas(pd.DataFrame({"k": [1, 2] * 40, "x": range(80)}), npartitions=8)
    chosen = table[table.x > 3]
    more = chosen.map_partitions(slow_part)  # 0.8 s
    grouped = more.groupby("k").twice.sum()
    assert grouped.compute().sum() == 2 * sum(range(4, 80))
    again = table[["k", "x"]].map_partitions(slow_part)  # 0.8 s
    merged = again.merge(grouped.reset_index(), on="k")
    assert len(merged) == 80
    fused = again.optimize(fuse=True)
    fused.x.sum().compute()
"""

ARRAY = """\
def main(client):
    import dask.array as da

    ones = da.ones((8, 4), chunks=(1, 4))
    more = ones.map_blocks(slow_block)  # 0.8 s
    product = more @ more.T
    assert float(product.sum().compute()) == 8 * 8 * 4 * 4
    rolled = da.concatenate([ones, ones])
    later = rolled.map_blocks(slow_block)  # 1.6 s
    later.mean(axis=0).persist().compute()
"""

BAG = """\
def main(client):
    import dask.bag as db

    numbers = db.from_sequence(range(8), npartitions=8)
    kept = numbers.map(slow).persist()  # 0.8 s
    assert kept.filter(lambda number: number % 2).sum().compute() == 16
"""

DELAYED = """\
def main(client):
    parts = [dask.delayed(slow)(number) for number in range(8)]  # 0.8 s
    last = dask.delayed(slow)(9, 0.4)  # 0.4 s
    assert dask.delayed(total)([*parts, last]).compute() == 37
"""

FUTURES = """\
def main(client):
    one = client.submit(slow, 1, 0.4)  # 0.4 s
    many = client.map(slow, range(8))  # 0.8 s
    assert client.submit(total, many).result() + one.result() == 29
    with lineitem.tag(project="churn"):
        client.submit(slow, 3, 0.3, pure=False).result()  # 0.3 s
    assert client.get({"a": (slow, 5, 0.3)}, "a") == 5  # 0.3 s
"""

PROGRAMS = {"dataframe": DATAFRAME, "array": ARRAY, "bag": BAG, "delayed": DELAYED, "futures": FUTURES}


def program(name: str) -> str:
    """Return the text of a program, to be called with the scheduler's address."""
    return HEAD + PROGRAMS[name] + TAIL


def known_seconds(source: str) -> dict[int, float]:
    """Return the seconds that lines are known to take, from their comments."""
    found = {}
    for number, line in enumerate(source.splitlines(), 1):
        _, mark, comment = line.partition("  # ")
        if mark and comment.endswith(" s"):
            found[number] = float(comment[:-2])
    return found
