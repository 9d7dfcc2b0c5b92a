"""A real server (``bin/lineitem``) with real local clusters."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lineitem import Lineitem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lineitem import Bill

BINARY = Path(os.environ.get("LINEITEM_BIN") or Path(__file__).parents[2] / "bin" / "lineitem")


def eventually(what: str, check: Callable[[], object], timeout: float = 60) -> None:
    """Wait until something holds; generous, because the machine may be busy with other tests."""
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout:g} s: {what}")
        time.sleep(0.05)


def assert_adds_up(bill: Bill) -> None:
    """Check that the parts of a bill are its total, to the nano-unit."""
    lines = sum(line.cost_nanos for line in bill.lines)
    categories = sum(category.cost_nanos for category in bill.categories)
    assert lines + categories + bill.unknown_nanos == bill.total_nanos


def _environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("LINEITEM_", "DASK_"))}


@dataclass
class Server:
    """A server of the test's own."""

    process: subprocess.Popen[str]
    url: str
    token: str
    data: str
    log: list[str]

    def api(self) -> Lineitem:
        return Lineitem(self.url, self.token)

    def environ(self) -> dict[str, str]:
        """Environment in which programs find this server, and nothing of the user's own settings."""
        return {**_environ(), "LINEITEM_SERVER": self.url, "LINEITEM_TOKEN": self.token}

    def stop_clusters(self) -> None:
        with self.api() as api:
            for cluster in api.list_clusters(["pending", "starting", "running", "stopping"]).items:
                api.stop_cluster(cluster.id)
            eventually(
                "all clusters ended",
                lambda: not api.list_clusters(["pending", "starting", "running", "stopping"]).items,
            )


@contextlib.contextmanager
def running_server(data: str) -> Iterator[Server]:
    if not BINARY.exists():
        pytest.fail(f"{BINARY} does not exist; run `make build`, or set LINEITEM_BIN.")
    command = [str(BINARY), "server", "--data", data, "--listen", "127.0.0.1:0", "--python", sys.executable]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=_environ()
    )
    log: list[str] = []
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            log.append(line)
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        link = None
        while link is None:
            line = lines.get(timeout=60)
            assert line is not None, "".join(log)
            link = re.match(r"Sign in from a terminal once: lineitem login '(.*)/signin#code=(.*)'", line)
        with Lineitem(link[1], timeout=30) as anyone:
            token = anyone.create_token("tests", code=link[2]).secret
        server = Server(process, link[1], token, data, log)
        yield server
        if process.poll() is None:
            server.stop_clusters()
    finally:
        process.terminate()
        process.wait(30)
        reader.join(10)
        assert process.stdout is not None
        process.stdout.close()
