"""What the tests of watching are run with: a server that takes announcements, and Dask clusters that somebody else started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_lab import NO_PACKAGE, TOKEN, Collector
from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USER_TOKEN = "li_token-of-the-user"
WATCHED = "/api/v1/clusters/watched"


def cluster_json(number: int, announced: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"cl_watched{number}",
        "name": announced.get("name") or f"host-{number}",
        "owner": {"id": "u_1", "name": "ana", "role": "admin"},
        "backend": "watched",
        "options": {"n_workers": 0, "nthreads": 0, "memory_bytes": 0, "python": "", "env": {}},
        "status": "running",
        "target": "running",
        "reason": "",
        "scheduler_address": announced["scheduler_address"],
        "dashboard_url": announced.get("dashboard_url", ""),
        "url": f"/clusters/cl_watched{number}",
        "created_at": "2026-01-01T00:00:00Z",
        "currency": "USD",
        "rate_nanos_per_hour": 0,
        "cost_nanos": 0,
        "n_workers_running": 0,
        "watched": True,
        "deployment": announced.get("deployment", ""),
    }


class Office(Collector):
    """A collector that takes announcements too, as docs/api.md says. Its agent tokens can be replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.announced: list[dict[str, Any]] = []
        self.clusters: dict[str, dict[str, Any]] = {}
        self.agent_token = TOKEN
        self.refuse: Callable[[], tuple[int, dict[str, str], bytes] | None] = lambda: None

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        bearer = headers.get("Authorization", "")
        if path == WATCHED:
            with self.lock:
                said = json.loads(body)
                special = self.refuse()
                if special is not None:
                    return special
                if bearer != f"Bearer {USER_TOKEN}":
                    return 401, {}, b'{"code": "unauthenticated", "message": "Sign in first."}'
                self.announced.append(said)
                info = self.clusters.setdefault(said["scheduler_id"], cluster_json(len(self.clusters), said))
                answer = {"cluster": info, "process": f"{info['id']}-scheduler-1", "agent_token": self.agent_token}
                return 201, {}, json.dumps(answer).encode()
        for info in self.clusters.values():
            if path == f"/api/v1/clusters/{info['id']}" and bearer == f"Bearer {USER_TOKEN}":
                return 200, {}, json.dumps(info).encode()
        if path.startswith("/api/"):
            return 404, {}, b'{"code": "not_found", "message": "There is no such thing."}'
        if bearer == f"Bearer {self.agent_token}":
            headers = {**headers, "Authorization": f"Bearer {TOKEN}"}
        elif bearer == f"Bearer {TOKEN}":
            headers = {**headers, "Authorization": "Bearer replaced"}
        return super().receive(path, headers, body)

    def account(self) -> dict[str, str]:
        return {"LINEITEM_SERVER": self.url, "LINEITEM_TOKEN": USER_TOKEN}


def plain_environ() -> dict[str, str]:
    """The environment of somebody who has never heard of Lineitem."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LINEITEM_", "DASK_"))}


def without_package(folder: Path) -> dict[str, str]:
    """Environment of processes that have no lineitem."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(NO_PACKAGE)
    here = str(Path(__file__).parent)
    return {**plain_environ(), "PYTHONPATH": os.pathsep.join([str(folder), here])}


class ByHand:
    """``dask scheduler`` and ``dask worker`` from the command line."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *options: str) -> None:
        self.folder = folder
        self.environ = dict(environ)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        file = folder / "scheduler.json"
        where = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0", "--scheduler-file", str(file)]
        self.start("scheduler", "scheduler", *where, *options)
        deadline = time.monotonic() + 60
        while not file.exists() or not file.read_text().strip():
            assert time.monotonic() < deadline, self.log("scheduler")
            assert self.running["scheduler"].poll() is None, self.log("scheduler")
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def start(self, name: str, what: str, *options: str, environ: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", what, *options],
                env={**self.environ, **(environ or {}), "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    def worker(self, name: str, *options: str, environ: Mapping[str, str] | None = None) -> None:
        where = [self.address, "--name", name, "--host", "127.0.0.1", "--dashboard-address", ":0", "--nthreads", "2"]
        self.start(name, "worker", *where, "--local-directory", str(self.folder), *options, environ=environ)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def logs(self) -> str:
        return "\n".join(map(self.log, sorted(self.running)))

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
