"""What the agent's tests are run with: a real collector over HTTP, real schedulers and workers in processes of their own."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
from typing_extensions import Self

from lineitem.agent import INLINE_PRELOAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "agent-token-for-tests"
CLUSTER = "cl_test"

NO_PACKAGE = """
import importlib.abc, sys
class NoLineitem(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "lineitem":
            raise ImportError("this worker has no lineitem")
        return None
sys.meta_path.insert(0, NoLineitem())
"""


class Collector:
    """A server that takes batches the way docs/telemetry.md says, and keeps them decoded."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bodies: list[dict[str, Any]] = []
        self.raw_sizes: list[int] = []
        self.batches: list[dict[str, Any]] = []
        self.duplicates = 0
        self.requests = 0
        self.knobs: dict[str, Any] = {"source_text": True, "rate_hz": 20, "flush_seconds": 1}
        self.retire: list[str] = []
        self.answer: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes] | None] = lambda _body: None
        self._seen: set[tuple[str, int]] = set()
        self._connections: list[socket.socket] = []
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                status, headers, answer = collector.receive(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def process_request(self, request: Any, client_address: Any) -> None:
                collector._connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            for connection in self._connections:  # those kept alive would go on being served
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.clear()
            self._server = None

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        post = msgpack.unpackb(plain)
        with self.lock:
            self.requests += 1
            assert path == "/ingest/v1/batches", path
            assert headers["Content-Type"] == "application/msgpack"
            if headers.get("Authorization") != f"Bearer {TOKEN}":
                return 401, {}, b"{}"
            special = self.answer(post)
            if special is not None:
                return special
            self.bodies.append(post)
            self.raw_sizes.append(len(body))
            accepted = duplicates = 0
            for packed in post["batches"]:
                batch = msgpack.unpackb(packed)
                mark = (batch["epoch"], batch["seq"])
                if mark in self._seen:
                    duplicates += 1
                    continue
                self._seen.add(mark)
                accepted += 1
                self.batches.append(batch)
            self.duplicates += duplicates
            answer = {
                "accepted": accepted,
                "duplicates": duplicates,
                "rejected": [],
                "knobs": self.knobs,
                "retire": self.retire,
            }
            return 200, {}, json.dumps(answer).encode()

    def of(self, kind: str) -> list[dict[str, Any]]:
        with self.lock:
            return [batch for batch in self.batches if batch["kind"] == kind]

    def submissions(self) -> list[dict[str, Any]]:
        return [row for batch in self.of("scheduler") for row in batch["submissions"]]

    def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Wait for something to become true of what has been collected."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (
                f"not within {seconds} s; {len(self.batches)} batches, {self.requests} posts",
                self.of("scheduler"),
            )
            time.sleep(0.05)


def check_books(batches: list[dict[str, Any]]) -> None:
    """Assert the law of conservation for every worker batch, and that the windows of each epoch join."""
    epochs: dict[str, list[dict[str, Any]]] = {}
    for batch in batches:
        epochs.setdefault(batch["epoch"], []).append(batch)
    for epoch in epochs.values():
        workers = [batch for batch in sorted(epoch, key=lambda b: b["seq"]) if batch["kind"] == "worker"]
        totals: Counter[str] = Counter()
        for before, batch in zip([None, *workers], workers, strict=False):
            capacity = batch["nthreads"] * (batch["t1_us"] - batch["t0_us"])
            slots = sum(row[2] for row in batch["ledger"])
            native = sum(row[7] for row in batch["ledger"])
            idle = sum(batch["idle"].values())
            assert capacity == slots + native + idle
            assert all(us >= 0 for us in batch["idle"].values())
            assert len({(row[0], row[1], row[6]) for row in batch["ledger"]}) == len(batch["ledger"])
            for submission, prefix, slot, thread, done, failed, origin, own_native in batch["ledger"]:
                assert submission >= 0
                assert origin >= 0
                assert own_native >= 0
                assert batch["strings"][prefix]
                assert 0 <= thread <= slot
                assert done >= 0
                assert failed >= 0
            for _, prefix, stack, wall, cpu, origin, part in batch["samples"]:
                assert origin >= 0
                assert 0 <= part <= len(batch["strings"])
                assert batch["strings"][prefix]
                assert 0 <= cpu <= wall
                for frame in batch["stacks"][stack]:
                    file, function, line = batch["frames"][frame]
                    assert batch["files"][file][1] in "usp"
                    assert batch["strings"][function]
                    assert line >= 0
            if before is not None:
                assert batch["t0_us"] == before["t1_us"], "a gap between windows"
                assert not before["final"]
            totals.update(capacity_us=capacity, slot_us=slots, native_us=native, idle_us=idle)
            assert dict(totals) == batch["cum"]
            assert batch["health"]["errors"] == 0, batch["health"]


def line_shares(batches: list[dict[str, Any]], file: str) -> dict[int, float]:
    """Fold thread-time over samples as the server does; return the share of each line of a file."""
    lines: Counter[int] = Counter()
    total = 0.0
    for batch in batches:
        weights: dict[tuple[int, int, int], Counter[int]] = {}
        for submission, prefix, stack, wall, _, origin, _ in batch["samples"]:
            line = 0
            for frame in batch["stacks"][stack]:
                number, _, at = batch["frames"][frame]
                if batch["files"][number][1] == "u":
                    line = at if batch["files"][number][0] == file else -1
            weights.setdefault((submission, prefix, origin), Counter())[line] += wall
        for submission, prefix, _, thread, _, _, origin, _ in batch["ledger"]:
            split = weights.get((submission, prefix, origin), Counter({0: 1}))
            for line, weight in split.items():
                lines[line] += thread * weight / max(1, sum(split.values()))
            total += thread
    return {line: value / total for line, value in lines.items()}


def slot_seconds(batches: list[dict[str, Any]], prefix: str) -> tuple[float, float, int, int]:
    """Sum slot seconds, thread seconds, done and failed over a prefix."""
    sums = [0, 0, 0, 0]
    for batch in batches:
        for _, name, *row in (row[:6] for row in batch["ledger"]):
            if batch["strings"][name] == prefix:
                sums = [a + b for a, b in zip(sums, row, strict=True)]
    return sums[0] / 1e6, sums[1] / 1e6, sums[2], sums[3]


def agent_env(tmp: Path, url: str, process: str) -> dict[str, str]:
    """The environment that Lineitem gives a process."""
    token = tmp / "token"
    if not token.exists():
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
    env = {name: value for name, value in os.environ.items() if not name.startswith("LINEITEM_")}
    env |= {
        "LINEITEM_SERVER": url,
        "LINEITEM_CLUSTER": CLUSTER,
        "LINEITEM_PROCESS": f"{CLUSTER}-{process}-1",
        "DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES": "3",
        "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), env.get("PYTHONPATH", "")])),
    }
    if process == "scheduler":
        env["LINEITEM_AGENT_TOKEN_FILE"] = str(token)
    return env


class Processes:
    """A scheduler and workers started from the command line, as the server starts them."""

    def __init__(self, tmp: Path, url: str, preload: str = INLINE_PRELOAD) -> None:
        self.tmp = tmp
        self.url = url
        self.file = tmp / "scheduler.json"
        self.logs: dict[str, Path] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.start(
            "scheduler",
            ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0"],
            ["--scheduler-file", str(self.file), "--preload", preload],
            {},
        )
        deadline = time.monotonic() + 30
        while not self.file.exists() or not self.file.read_text().strip():
            assert time.monotonic() < deadline, self.log("scheduler")
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, name: str, module: list[str], options: list[str], env: dict[str, str]) -> None:
        self.logs[name] = self.tmp / f"{name}.log"
        with self.logs[name].open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *module, *options],
                env={**agent_env(self.tmp, self.url, name), **env},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.tmp,
            )

    def worker(self, name: str, *options: str, nthreads: int = 2, env: dict[str, str] | None = None) -> None:
        self.start(
            name,
            ["distributed.cli.dask_worker", self.address, "--name", name, "--dashboard-address", ":0"],
            ["--nthreads", str(nthreads), "--host", "127.0.0.1", "--local-directory", str(self.tmp), *options],
            env or {},
        )

    def log(self, name: str) -> str:
        return self.logs[name].read_text(errors="replace")

    def terminate(self, name: str, seconds: float = 20) -> int:
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables of this process for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
