"""Print pairs of seconds from wanting a cluster to its first result: ``lineitem.Cluster`` and Dask's own programs by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from distributed import Client

from lineitem import Cluster

PAIRS = 7
THREADS = 2
MEMORY = 1 << 30


def with_cluster() -> float:
    """Take the time of a cluster that Lineitem starts."""
    start = time.perf_counter()
    cluster = Cluster(n_workers=1, nthreads=THREADS, memory_limit=MEMORY)
    try:
        with cluster.get_client() as client:
            client.submit(sum, [1, 2, 3]).result()
            return time.perf_counter() - start
    finally:
        cluster.close()


def by_hand() -> float:
    """Take the time of a scheduler, and a worker as soon as the scheduler is up, as one starts them in two terminals."""
    dask = [sys.executable, "-m", "dask"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        log = (Path(folder) / "log").open("wb")
        processes = []
        start = time.perf_counter()
        try:
            where = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
            scheduler = [*dask, "scheduler", *where, "--port", "0", "--scheduler-file", str(file)]
            processes.append(subprocess.Popen(scheduler, stdout=log, stderr=log))
            address = wait_for_address(file, processes[0])
            worker = [*dask, "worker", address, *where, "--nthreads", str(THREADS), "--memory-limit", str(MEMORY)]
            processes.append(subprocess.Popen([*worker, "--local-directory", folder], stdout=log, stderr=log))
            with Client(address) as client:
                client.submit(sum, [1, 2, 3]).result()
                return time.perf_counter() - start
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(60)
            log.close()


def wait_for_address(file: Path, scheduler: subprocess.Popen[bytes]) -> str:
    """Return where the scheduler listens, as soon as it says so."""
    while True:
        try:
            return str(json.loads(file.read_text())["address"])
        except (FileNotFoundError, json.JSONDecodeError):
            if scheduler.poll() is not None:
                message = f"the scheduler ended with status {scheduler.returncode}"
                raise RuntimeError(message) from None
            time.sleep(0.005)


def main() -> None:
    """Measure pairs, each way first in turn; a pair before them warms the file cache and is not counted."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    with_cluster()
    by_hand()
    pairs = []
    for number in range(PAIRS):
        if number % 2:
            ours, theirs = with_cluster(), by_hand()
        else:
            theirs, ours = by_hand(), with_cluster()
        pairs.append({"with": ours, "without": theirs})
    sys.stdout.write(json.dumps(pairs) + "\n")


if __name__ == "__main__":
    main()
