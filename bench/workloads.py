"""What the watched and the plain side of ``watched.py`` run: each workload is a list of steps, timed one by one."""

from __future__ import annotations

import importlib.util
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from distributed import Client

WORKERS = 2
CSV_FILES = 8
ROWS = 60_000
TPCH_SCALE = 0.3
TASKS = 20_000

#: A module of TPC-H queries to use in place of ours: ``query_01(dataset_path, fs, scale)`` and so on.
TPCH_MODULE = "LINEITEM_BENCH_TPCH"


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Parameters
    ----------
    rounds
        How often all steps are measured on each pair of clusters.
    clusters
        How many pairs of clusters are started. What chance gives a process for its life is known from the spread of these.
    settle
        How many rounds come before those that count: they warm both sides up.
    prepare
        Writes the files it reads into a folder, once.
    steps
        Makes the functions to time, given the folder and a connected client.
    nthreads, n_workers
        The cluster.
    """

    rounds: int
    prepare: Callable[[Path], None]
    steps: Callable[[Path, Client], list[Callable[[], object]]]
    clusters: int = 1
    settle: int = 2
    n_workers: int = WORKERS
    nthreads: int = 1


def _nothing(_folder: Path) -> None:
    """Prepare nothing."""


def _write_tables(folder: Path) -> None:
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(8470)
    for number in range(CSV_FILES):
        table = pd.DataFrame({"x": random.random(ROWS), "y": random.random(ROWS), "kind": random.integers(0, 20, ROWS)})
        table.to_csv(folder / f"{number}.csv", index=False)


def _seasons(frame: pd.DataFrame) -> pd.DataFrame:
    """Do what users do: a loop over rows in plain Python, then something vectorised."""
    import numpy as np

    named = ["odd" if kind % 2 else "even" for kind in frame["kind"].tolist()]
    return frame.assign(season=named, wave=np.sin(frame.x) * np.cos(frame.y))


def _mixed(folder: Path, _client: Client) -> list[Callable[[], object]]:
    import dask.dataframe as dd
    from dask.delayed import delayed

    def step() -> None:
        frame = dd.read_csv(f"{folder}/*.csv")
        frame = frame[frame.x > 0.1].map_partitions(_seasons)
        frame.groupby(["season", "kind"]).agg({"wave": ["mean", "std"], "x": "sum"}).compute()
        small = [delayed(pow)(number, 2) for number in range(400)]
        delayed(sum)(small).compute()

    return [step]


def _write_tpch(folder: Path) -> None:
    _module(Path(__file__).parent / "tpch" / "generate.py").generate(folder, TPCH_SCALE)


def _tpch(folder: Path, _client: Client) -> list[Callable[[], object]]:
    module = _module(Path(os.environ.get(TPCH_MODULE) or Path(__file__).parent / "tpch" / "queries.py"))
    queries = [getattr(module, name) for name in sorted(vars(module)) if name.startswith("query_")]

    def step(query: Callable[..., Any]) -> Callable[[], object]:
        return lambda: query(f"{folder}/", "arrow", TPCH_SCALE).compute()

    return [step(query) for query in queries]


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        message = f"{path} is no Python module"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tasks(_folder: Path, client: Client) -> list[Callable[[], object]]:
    def nothing(number: int) -> int:
        return number

    def step() -> None:
        # As futures: Dask's own time for a list of 20,000 delayed calls grows with the square of their number.
        client.gather(client.map(nothing, range(TASKS), pure=False))

    return [step]


def _cpu(_folder: Path, client: Client) -> list[Callable[[], object]]:
    def primes(below: int) -> int:
        found = 0
        for number in range(2, below):
            divisor = 2
            while divisor * divisor <= number and number % divisor:
                divisor += 1
            found += divisor * divisor > number
        return found

    def step() -> None:
        client.gather(client.map(primes, [30_000] * 24, pure=False))

    return [step]


def _threads(_folder: Path, client: Client) -> list[Callable[[], object]]:
    def turn(length: int) -> int:
        """Compute for about a millisecond and wait for 30, so that many threads fit on few cores."""
        total = 0
        for _ in range(12):
            total += sum(range(length))
            time.sleep(0.03)
        return total

    threads = sum(client.nthreads().values())

    def step() -> None:
        client.gather(client.map(turn, [20_000] * (6 * threads), pure=False))

    return [step]


WORKLOADS = {
    "mixed": Workload(rounds=7, clusters=3, prepare=_write_tables, steps=_mixed),
    "tpch": Workload(rounds=2, clusters=8, settle=1, prepare=_write_tpch, steps=_tpch),
    "tasks": Workload(rounds=3, prepare=_nothing, steps=_tasks),
    "cpu": Workload(rounds=12, clusters=16, prepare=_nothing, steps=_cpu),
    "threads_1": Workload(rounds=7, prepare=_nothing, steps=_threads, n_workers=1, nthreads=1),
    "threads_8": Workload(rounds=7, prepare=_nothing, steps=_threads, n_workers=1, nthreads=8),
    "threads_32": Workload(rounds=7, prepare=_nothing, steps=_threads, n_workers=1, nthreads=32),
}
