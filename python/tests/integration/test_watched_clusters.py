"""Clusters that Lineitem did not start, with a real server."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from distributed import Client, LocalCluster
from real_server import assert_adds_up, eventually

import lineitem

if TYPE_CHECKING:
    from real_server import Server

    from lineitem import ClusterInfo

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

PROGRAM = """\
import time

from distributed import Client, LocalCluster


def half(number):
    time.sleep(0.1)
    return number / 2


if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        print(sum(client.gather(client.map(half, range(40)))))
"""


def plain_environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LINEITEM_", "DASK_"))}
    return {**kept, "XDG_CONFIG_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}


class Fresh:
    """A server, and what has come to it since the test began."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._before = {cluster.id for cluster in self._watched()}

    def _watched(self) -> list[ClusterInfo]:
        with self.server.api() as api:
            return [cluster for cluster in api.list_clusters().items if cluster.watched]

    def newcomers(self) -> list[ClusterInfo]:
        return [cluster for cluster in self._watched() if cluster.id not in self._before]

    def account(self) -> dict[str, str]:
        return {"LINEITEM_SERVER": self.server.url, "LINEITEM_TOKEN": self.server.token}


@pytest.fixture
def fresh(server: Server) -> Fresh:
    return Fresh(server)


def lines_of(server: Server, cluster: ClusterInfo, file: str) -> dict[int, int]:
    with server.api() as api:
        bill = api.bill(cluster.id)
    assert_adds_up(bill)
    return {line.line: line.cost_nanos for line in bill.lines if Path(line.file).name == file}


def find_uv() -> str:
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    assert Path(uv).exists(), "uv is missing; run `make setup`"
    return uv


def environment_with_the_watcher(tmp_path: Path) -> Path:
    """Make an environment like this one in which lineitem-watch is installed, from its wheel; return its interpreter."""
    wheels = tmp_path / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=ROOT / "python" / "watch", check=True, capture_output=True)
    (wheel,) = wheels.glob("lineitem_watch-*.whl")
    venv = tmp_path / "venv"
    python = venv / "bin" / "python"
    subprocess.run([find_uv(), "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    install = [find_uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    here = [str(Path(lineitem.__file__).parents[1]), *site.getsitepackages()]
    (packages / "here.pth").write_text("\n".join(here) + "\n")
    return python


def test_the_opt_in_distribution_makes_a_plain_local_cluster_show_up(
    fresh: Fresh, scripts: Path, tmp_path: Path
) -> None:
    python = environment_with_the_watcher(tmp_path)
    (scripts / "halves.py").write_text(PROGRAM)
    environ = {
        **plain_environ(tmp_path),
        **fresh.account(),
    }
    done = subprocess.run(
        [str(python), "halves.py"], cwd=scripts, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("390.0\n", 0), done.stderr
    assert "ineitem" not in done.stderr
    (cluster,) = fresh.newcomers()
    assert cluster.deployment == "local"
    eventually("the line has a cost", lambda: lines_of(fresh.server, cluster, "halves.py").get(7))


def test_the_distribution_is_one_file(tmp_path: Path) -> None:
    python = environment_with_the_watcher(tmp_path)
    found = subprocess.run(
        [str(python), "-c", "import dask.config; print(dask.config.get('distributed.scheduler.preload'))"],
        env=plain_environ(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "from lineitem.agent import preload" in found.stdout
    names = [path.relative_to(tmp_path / "venv") for path in (tmp_path / "venv").rglob("*lineitem*") if path.is_file()]
    assert names == [Path("etc/dask/lineitem-watch.yaml")]


def test_watching_a_client(fresh: Fresh) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        handle = lineitem.watch(client, server=fresh.server.url, token=fresh.server.token, name="by-the-client")
        assert handle.watched
        assert (handle.name, handle.deployment) == ("by-the-client", "local")
        assert sum(client.gather(client.map(_half, range(40)))) == 390
        eventually("tasks have a cost", lambda: any(line.cost_nanos for line in handle.bill().lines))
        handle.stop()
    bill = handle.bill()
    assert_adds_up(bill)
    assert bill.total_nanos > 0
    (info,) = fresh.newcomers()
    assert info.id == handle.id


def _half(number: int) -> float:
    import time

    time.sleep(0.1)
    return number / 2


def test_dask_spec(fresh: Fresh, tmp_path: Path) -> None:
    """What SSHCluster and others start on far machines."""
    environ = {
        **plain_environ(tmp_path),
        **fresh.account(),
        "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "lineitem.agent.preload",
    }
    options = {"dashboard_address": ":0", "host": "127.0.0.1", "port": 0, "scheduler_file": str(tmp_path / "s.json")}
    spec = json.dumps({"cls": "dask.distributed.Scheduler", "opts": options})
    process = subprocess.Popen([sys.executable, "-m", "dask", "spec", "--spec", spec], env=environ, cwd=tmp_path)
    try:
        eventually("the scheduler has announced itself", fresh.newcomers)
        (cluster,) = fresh.newcomers()
        assert cluster.deployment == "manual"
    finally:
        process.terminate()
        process.wait(30)
