"""Print pairs of seconds that the same workload takes on a watched cluster and on one whose agent is off.

Each cluster has a client process of its own, as what the client adds to its graphs is part of being watched. The two take turns, so that
what the machine does meanwhile falls on both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PAIRS = 15
WORKERS = 2
CSV_FILES = 8
ROWS = 60_000


def client(side: str, folder: str) -> None:
    """Run the workload once for each line on standard input, and answer with the seconds it took."""
    import dask
    import dask.dataframe as dd
    import numpy as np
    from dask.delayed import delayed

    from lineitem import Cluster

    def seasons(frame: pd.DataFrame) -> pd.DataFrame:
        """Do what users do: a loop over rows in plain Python, then something vectorised."""
        named = ["odd" if kind % 2 else "even" for kind in frame["kind"].tolist()]
        return frame.assign(season=named, wave=np.sin(frame.x) * np.cos(frame.y))

    def workload() -> None:
        frame = dd.read_csv(f"{folder}/*.csv")
        frame = frame[frame.x > 0.1].map_partitions(seasons)
        frame.groupby(["season", "kind"]).agg({"wave": ["mean", "std"], "x": "sum"}).compute()
        small = [delayed(pow)(number, 2) for number in range(400)]
        delayed(sum)(small).compute()

    watched = side == "watched"
    dask.config.set({"lineitem.submission-frames": 4 if watched else 0})
    env = {} if watched else {"LINEITEM_AGENT": "off"}
    with Cluster(n_workers=WORKERS, nthreads=1, env=env) as cluster, cluster.get_client() as connected:
        connected.wait_for_workers(WORKERS, timeout=120)
        reply("ready")
        for line in sys.stdin:
            if line.strip() == "end":
                break
            start = time.perf_counter()
            workload()
            reply(time.perf_counter() - start)


def reply(value: object) -> None:
    """Answer with one line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Side:
    """A client process."""

    def __init__(self, name: str, folder: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, what: str | None) -> float:
        """Send a line, if there is one, and return the answer."""
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError
        if what:
            self.process.stdin.write(what + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            message = f"a client ended with status {self.process.wait()}"
            raise RuntimeError(message)
        answer = json.loads(line)
        return float(answer) if what else 0.0

    def end(self) -> None:
        """Let the process end its cluster and wait for it."""
        if self.process.poll() is None:
            self.process.communicate("end\n", timeout=120)


def write_tables(folder: str) -> None:
    """Write the files that the workload reads."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(8470)
    for number in range(CSV_FILES):
        table = pd.DataFrame({"x": random.random(ROWS), "y": random.random(ROWS), "kind": random.integers(0, 20, ROWS)})
        table.to_csv(Path(folder) / f"{number}.csv", index=False)


def main() -> None:
    """Measure pairs, each side first in turn; two rounds before them warm both sides up and are not counted."""
    with tempfile.TemporaryDirectory() as folder:
        write_tables(folder)
        sides: list[Side] = []
        try:
            watched, plain = Side("watched", folder), Side("plain", folder)
            sides += [watched, plain]
            for side in sides:
                side.ask(None)
            for _ in range(2):
                for side in sides:
                    side.ask("run")
            pairs = []
            for number in range(PAIRS):
                if number % 2:
                    ours, theirs = watched.ask("run"), plain.ask("run")
                else:
                    theirs, ours = plain.ask("run"), watched.ask("run")
                pairs.append({"with": ours, "without": theirs})
        finally:
            for side in sides:
                side.end()
    reply(pairs)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        client(sys.argv[1], sys.argv[2])
    else:
        main()
