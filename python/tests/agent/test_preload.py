"""Clusters that announce themselves: one environment variable, and no change of code."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import TOKEN, check_books
from distributed import Client
from watch_lab import USER_TOKEN, ByHand, Office, plain_environ

from lineitem._auth import Secret
from lineitem._config import Target
from lineitem.agent import INLINE_PRELOAD, _register
from lineitem.agent._register import AwayError, RefusedError, Registrar, announce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lineitem.agent.common._config import AgentConfig

PRELOAD = "DASK_DISTRIBUTED__SCHEDULER__PRELOAD"
WORKER_PRELOAD = "DASK_DISTRIBUTED__WORKER__PRELOAD"

FACTS = {
    "state": "claimed",
    "scheduler_id": "Scheduler-1",
    "scheduler_address": "tcp://127.0.0.1:1",
    "dashboard_url": "",
    "deployment": "manual",
    "host": "h",
}

PROGRAM = """
import os, sys, time
from distributed import Client, LocalCluster

def half(number):
    time.sleep(0.05)
    return number / 2

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", processes="inproc" not in sys.argv) as cluster:
        with Client(cluster) as client:
            while "wait" in sys.argv and not os.path.exists("go"):
                time.sleep(0.05)
            print(sum(client.gather(client.map(half, range(20)))))
"""


@pytest.fixture
def office() -> Iterator[Office]:
    with Office() as office:
        yield office


def run_program(scripts: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    file = scripts / "halves.py"
    file.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(file), *arguments],
        env={**plain_environ(), **environ},
        cwd=scripts,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "95.0\n", done.stderr
    return done


def sentences(stderr: str) -> list[str]:
    """What was said about Lineitem. On a busy machine Dask has things of its own to say."""
    assert "Traceback" not in stderr
    return [line for line in stderr.splitlines() if "ineitem" in line]


def tasks_done(office: Office) -> int:
    return sum(row[4] for batch in office.of("worker") for row in batch["ledger"])


@pytest.mark.parametrize("preload", ["lineitem.agent.preload", INLINE_PRELOAD], ids=["module", "text"])
@pytest.mark.parametrize("how", ["processes", "inproc"])
def test_a_plain_local_cluster_announces_itself(office: Office, scripts: Path, preload: str, how: str) -> None:
    done = run_program(scripts, {**office.account(), PRELOAD: preload}, how)
    assert sentences(done.stderr) == []
    (said,) = office.announced
    assert said["deployment"] == "local"
    assert "group" not in said
    assert tasks_done(office) == 20
    batches = office.of("worker")
    check_books(batches)
    assert all(batch["process"].startswith("cl_watched0-") for batch in batches)
    (row,) = [row for row in office.submissions() if row["tasks"] >= 20]
    assert (row["file"], row["function"]) == (str(scripts / "halves.py"), "<module>")


def test_the_credentials_of_login_will_do(office: Office, scripts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "lineitem"
    folder.mkdir(parents=True)
    saved = {"default": office.url, "servers": {office.url: {"token": USER_TOKEN}}}
    (folder / "credentials.json").write_text(json.dumps(saved))
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "LINEITEM_GROUP": "/research/genomics"}
    run_program(scripts, {**environ, PRELOAD: "lineitem.agent.preload"})
    (said,) = office.announced
    assert said["group"] == "/research/genomics"
    assert tasks_done(office) == 20


def test_a_server_that_comes_later(office: Office, scripts: Path) -> None:
    office.down()
    (scripts / "halves.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "halves.py", "wait"],
        env={**plain_environ(), **office.account(), PRELOAD: "lineitem.agent.preload"},
        cwd=scripts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stderr is not None
        assert "Lineitem's agent cannot reach" in program.stderr.readline()
        office.up()
        office.until(lambda: len({batch["process"] for batch in office.of("worker")}) == 2, 90)
        (scripts / "go").touch()
        out, err = program.communicate(timeout=90)
        assert (out, sentences(err)) == ("95.0\n", []), "more than one sentence"
    assert tasks_done(office) == 20


def test_a_server_that_never_comes(office: Office, scripts: Path) -> None:
    office.down()
    begin = time.monotonic()
    done = run_program(scripts, {**office.account(), PRELOAD: "lineitem.agent.preload"})
    assert time.monotonic() - begin < 60
    (said,) = sentences(done.stderr)
    assert "Work goes on unwatched until it can." in said


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"LINEITEM_TOKEN": ""}, "This cluster is not watched by Lineitem: there is no token for http://"),
        ({"LINEITEM_TOKEN": "wrong"}, "The Lineitem server does not watch this cluster: Sign in first. Work goes on."),
        ({"LINEITEM_TOKEN": "two\nlines"}, "it has characters that no token has. Work goes on."),
        ({"LINEITEM_SERVER": "ftp://nowhere"}, "is not the address of a Lineitem server"),
        ({"LINEITEM_AGENT": "off"}, ""),
    ],
)
def test_what_is_missing_is_one_sentence(office: Office, scripts: Path, environ: dict[str, str], sentence: str) -> None:
    done = run_program(scripts, {**office.account(), PRELOAD: "lineitem.agent.preload", **environ})
    assert office.announced == []
    assert office.bodies == []
    said = sentences(done.stderr)
    assert len(said) == bool(sentence)
    assert sentence in "".join(said)
    assert "wrong" not in done.stderr
    assert "lines" not in done.stderr


def test_a_process_with_an_identity_does_not_announce_itself(office: Office, scripts: Path) -> None:
    """What Lineitem started knows who it is; a task of it that makes a cluster of its own must not show up as another."""
    environ = {**office.account(), "LINEITEM_CLUSTER": "cl_1", PRELOAD: "lineitem.agent.preload"}
    run_program(scripts, environ)
    assert office.requests == 0


def test_workers_bring_the_agent_where_the_scheduler_cannot_have_a_preload(office: Office, tmp_path: Path) -> None:
    """As under dask-gateway: its scheduler is started with a preload of its own, which hides the configured one."""
    (tmp_path / "taken.py").write_text("def dask_setup(scheduler):\n    pass\n")
    environ = {
        **plain_environ(),
        **office.account(),
        PRELOAD: "lineitem.agent.preload",
        WORKER_PRELOAD: "lineitem.agent.worker_preload",
    }
    with ByHand(tmp_path, environ, "--preload", str(tmp_path / "taken.py")) as cluster:
        for number in range(3):
            cluster.worker(f"w-{number}")
        with Client(cluster.address) as client:
            client.wait_for_workers(3, timeout=60)
            office.until(lambda: len({batch["process"] for batch in office.of("worker")}) == 3, 60)
            assert sum(client.gather(client.map(_one, range(20), pure=False))) == 20
            office.until(lambda: tasks_done(office) >= 20)
            cluster.worker("late")
            office.until(lambda: len({batch["process"] for batch in office.of("worker")}) == 4, 60)
        logs = cluster.logs()
    assert len(office.announced) == 1, "each worker announced it"
    assert USER_TOKEN not in logs
    assert TOKEN not in logs
    check_books(office.of("worker"))


def _one(_: int) -> int:
    return 1


_one.__module__ = "__main__"  # travels by value: workers cannot import this file


def test_workers_without_a_token_leave_it(office: Office, tmp_path: Path) -> None:
    environ = {**plain_environ(), WORKER_PRELOAD: "lineitem.agent.worker_preload", "LINEITEM_SERVER": office.url}
    environ["XDG_CONFIG_HOME"] = str(tmp_path)
    with ByHand(tmp_path, environ) as cluster:
        cluster.worker("w-0")
        with Client(cluster.address) as client:
            client.wait_for_workers(1, timeout=60)
            assert client.submit(_one, 1).result() == 1
        log = cluster.log("w-0")
    assert "This worker cannot have its cluster watched by Lineitem: there is no token for" in log
    assert office.requests == 0


def account(office: Office, token: str = USER_TOKEN) -> Target:
    return Target(office.url, Secret(token))


def test_announcing(office: Office) -> None:
    config = announce(account(office), FACTS)
    assert (config.cluster, config.process, config.watched) == ("cl_watched0", "cl_watched0-scheduler-1", True)
    assert config.read_token() == TOKEN
    assert TOKEN not in repr(config)
    assert USER_TOKEN not in repr(config)
    assert office.announced == [
        {"scheduler_id": "Scheduler-1", "scheduler_address": "tcp://127.0.0.1:1", "deployment": "manual"}
    ]
    assert config.renew is not None
    again = config.renew()
    assert again == config
    office.refuse = lambda: (403, {}, b'{"code": "forbidden", "message": "No."}')
    assert config.renew() is None
    office.refuse = lambda: (503, {"Retry-After": "7"}, b"")
    with pytest.raises(OSError, match="HTTP 503"):
        config.renew()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {}, b'{"code": "unauthenticated", "message": "Sign in."}'), RefusedError),
        ((422, {}, b"<html>"), RefusedError),
        ((404, {}, b""), RefusedError),
        ((408, {}, b""), AwayError),
        ((429, {"Retry-After": "3"}, b""), AwayError),
        ((500, {}, b""), AwayError),
        ((503, {"Retry-After": "soon"}, b""), AwayError),
        ((200, {}, b"<html>portal</html>"), AwayError),
        ((201, {}, b"[]"), AwayError),
        ((302, {"Location": "/elsewhere"}, b""), AwayError),
    ],
)
def test_other_answers(office: Office, answer: tuple[int, dict[str, str], bytes], error: type[Exception]) -> None:
    office.refuse = lambda: answer
    with pytest.raises(error) as raised:
        announce(account(office), FACTS)
    if isinstance(raised.value, AwayError):
        assert raised.value.wait == (3.0 if answer[0] == 429 else 0.0)


def test_the_registrar_does_not_give_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_register, "_BACKOFF_S", (0.01, 0.05))
    tries: list[float] = []
    found: list[AgentConfig] = []
    answers: list[tuple[int, dict[str, str], bytes] | None] = [(503, {}, b"")] * 5 + [None]
    office.refuse = lambda: answers.pop(0)
    registrar = Registrar(account(office), FACTS, found.append, pytest.fail, lambda: tries.append(time.monotonic()))
    registrar.start()
    registrar._thread.join(30)
    assert len(tries) == 6
    assert [config.cluster for config in found] == ["cl_watched0"]


def test_a_closed_registrar_ends(office: Office) -> None:
    office.down()
    found: list[Any] = []
    registrar = Registrar(account(office), FACTS, found.append, lambda: None, lambda: None)
    registrar.start()
    registrar.close()
    registrar._thread.join(30)
    assert not registrar._thread.is_alive()
    assert found == []
