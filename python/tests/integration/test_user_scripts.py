"""Programs of users, run as they are run: as processes of their own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from real_server import BINARY, assert_adds_up, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from real_server import Server

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("signed_in")]

PIPELINE = """\
import json, time
from lineitem import Cluster

def burn(n):
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        sum(range(1000))
    return n

def main():
    with Cluster(n_workers=2, nthreads=1) as cluster:
        with cluster.get_client() as client:
            futures = client.map(burn, range(12))
            total = sum(client.gather(futures))
            names = client.submit(sorted, ["b", "a"]).result()
        print(json.dumps({"id": cluster.id, "total": total, "names": names}))

if __name__ == "__main__":
    main()
"""


def run(program: str, folder: Path, server: Server, **environ: str) -> subprocess.CompletedProcess[str]:
    script = folder / "program.py"
    script.write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**server.environ(), **environ},
        timeout=120,
        check=False,
    )


def test_plain_script_gets_a_bill_by_its_own_lines(scripts: Path, server: Server) -> None:
    done = run(PIPELINE, scripts, server)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["total"], said["names"]) == (66, ["a", "b"])
    with server.api() as api:
        eventually("the cluster has ended", lambda: api.get_cluster(said["id"]).ended)
        bill = api.bill(said["id"])
    file = str(scripts / "program.py")
    assert {line.file for line in bill.lines} == {file}
    lines = ["", *PIPELINE.splitlines()]
    for line in bill.lines:
        assert line.text.strip() == lines[line.line].strip()
    dearest = bill.lines[0]
    assert dearest.function == "burn"
    # What ran in burn is on its lines; a built-in has none of its own, so the line that asked for it has the cost.
    burn, main = lines.index("def burn(n):"), lines.index("def main():")
    for line in bill.lines:
        assert line.function == ("burn" if burn < line.line < main else "main")
        assert line.function == "burn" or "client." in line.text
    assert any("client.submit(sorted" in line.text for line in bill.lines)
    assert_adds_up(bill)


LEFT_OPEN = """\
import time
from lineitem import Cluster

def burn(n):
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        sum(range(1000))
    return n

if __name__ == "__main__":
    cluster = Cluster(n_workers=1, nthreads=1)
    client = cluster.get_client()
    client.gather(client.map(burn, range(5)))
    print(cluster.id)
"""

LINE = r"lineitem: \$0\.\d+( so far)? · \d+(\.\d)? s · \d+\u202f%% own Python \(program\.py:%d\)( · \d+\u202f%% idle)? · %s/clusters/%s"


@pytest.mark.parametrize(("program", "line"), [(PIPELINE, 13), (LEFT_OPEN, 13)], ids=["closed", "left open"])
def test_a_script_ends_with_a_line_about_its_cost(program: str, line: int, scripts: Path, server: Server) -> None:
    done = run(program, scripts, server)
    assert done.returncode == 0, done.stderr
    cluster_id = re.search(r"cl_\w+", done.stdout)
    assert cluster_id is not None
    assert re.search(LINE % (line, re.escape(server.url), cluster_id[0]), done.stderr), done.stderr
    quiet = run(program, scripts, server, DASK_LINEITEM__RECEIPTS="False")
    assert quiet.returncode == 0, quiet.stderr
    assert "lineitem:" not in quiet.stderr


def test_end_of_the_process_stops_what_was_left_open(scripts: Path, server: Server) -> None:
    program = """\
        from lineitem import Cluster
        cluster = Cluster(n_workers=0)
        print(cluster.id, flush=True)
    """
    done = run(program, scripts, server)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    with server.api() as api:
        assert api.get_cluster(done.stdout.strip()).target == "stopped"


def test_end_of_the_process_lets_go_on_what_is_to_go_on(scripts: Path, server: Server) -> None:
    program = """\
        from lineitem import Cluster
        print(Cluster(n_workers=0, shutdown_on_close=False).id, flush=True)
    """
    done = run(program, scripts, server)
    assert done.returncode == 0, done.stderr
    with server.api() as api:
        assert api.get_cluster(done.stdout.strip()).target == "running"
        api.stop_cluster(done.stdout.strip())


def test_ctrl_c_while_it_starts_stops_it(scripts: Path, server: Server) -> None:
    python = scripts / "python"
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    python.chmod(0o755)
    script = scripts / "program.py"
    script.write_text(
        f"from lineitem import Cluster\nCluster(n_workers=1, name='interrupted', python={str(python)!r})\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, text=True, env=server.environ(), start_new_session=True
    )
    with server.api() as api:

        def starting() -> str:
            return next((c.id for c in api.list_clusters().items if c.name == "interrupted"), "")

        eventually("it has been asked for", starting)
        cluster_id = starting()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in errors
        assert process.returncode != 0
        assert api.get_cluster(cluster_id).target == "stopped"


def test_token_is_not_in_what_a_cluster_dump_holds(scripts: Path, server: Server) -> None:
    program = """\
        import json
        from lineitem import Cluster
        with Cluster(n_workers=1) as cluster, cluster.get_client() as client:
            client.wait_for_workers(1)
            def config(dask_scheduler=None):
                import dask, os
                return json.dumps([dask.config.config, dict(os.environ)], default=str)
            print(client.run_on_scheduler(config))
            print(client.run(config))
            print(client.get_metadata(["cluster-manager-info"], default={}))
    """
    done = run(program, scripts, server)
    assert done.returncode == 0, done.stderr
    assert "LINEITEM_CLUSTER" in done.stdout
    assert server.token not in done.stdout


def test_without_a_token_it_says_how_to_get_one(scripts: Path, server: Server) -> None:
    program = "from lineitem import Cluster\nCluster()\n"
    done = run(program, scripts, server, LINEITEM_TOKEN="", XDG_CONFIG_HOME=str(scripts))
    assert done.returncode == 1
    assert f"lineitem login {server.url}" in done.stderr


def test_what_lineitem_login_keeps_is_found(scripts: Path, server: Server) -> None:
    environ = {k: v for k, v in server.environ().items() if not k.startswith("LINEITEM_")}
    environ["XDG_CONFIG_HOME"] = str(scripts)

    def lineitem(*arguments: str) -> str:
        done = subprocess.run(
            [str(BINARY), *arguments], capture_output=True, text=True, env=environ, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    link = lineitem("server", "sign-in-link", "--data", server.data, "--listen", server.url.removeprefix("http://"))
    lineitem("login", link.strip())
    program = "import lineitem; print(lineitem.Lineitem().server, lineitem.Lineitem().me().user.name)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environ, timeout=60, check=False
    )
    assert done.stdout.split() == [server.url, "admin"], done.stderr
