from __future__ import annotations

import asyncio
import json
import logging
import pickle
import subprocess
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any

import distributed
import pytest
from agent_lab import TOKEN, check_books
from agent_tasks import busy
from distributed import Client, LocalCluster
from distributed.protocol.pickle import dumps, loads
from watch_lab import USER_TOKEN, ByHand, Office, plain_environ, without_package

import lineitem
from lineitem._exceptions import ClusterError, ConfigurationError, NotSignedIn
from lineitem.agent import _ship
from lineitem.agent.common._versions import unsupported
from lineitem.agent.scheduler import _arrival

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office() -> Iterator[Office]:
    with Office() as office:
        yield office


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[ByHand]:
    """A cluster where nothing of ours is installed."""
    with ByHand(tmp_path, without_package(tmp_path / "site")) as cluster:
        cluster.worker("w-0")
        cluster.worker("w-1")
        yield cluster


def watch(client: Client, office: Office, **more: Any) -> Any:
    return lineitem.watch(client, server=office.url, token=USER_TOKEN, **more)


def works(client: Client, tasks: int = 20) -> int:
    total = sum(client.gather(client.map(busy, [0.02] * tasks, [1] * tasks, pure=False)))
    assert total == tasks
    return tasks


def tasks_done(office: Office) -> int:
    return sum(row[4] for batch in office.of("worker") for row in batch["ledger"])


def processes(office: Office) -> set[str]:
    return {batch["process"] for batch in office.of("worker")}


def test_a_cluster_without_anything_of_ours(office: Office, by_hand: ByHand, tmp_path: Path) -> None:
    with Client(by_hand.address) as client:
        client.wait_for_workers(2, timeout=60)
        watched = watch(client, office, name="nightly")
        assert (watched.id, watched.name, watched.deployment) == ("cl_watched0", "nightly", "manual")
        assert watched.url == f"{office.url}/clusters/cl_watched0"
        assert office.announced == [
            {
                "scheduler_id": client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.id),
                "scheduler_address": by_hand.address,
                "dashboard_url": office.announced[0]["dashboard_url"],
                "name": "nightly",
                "deployment": "manual",
            }
        ]
        works(client)
        by_hand.worker("late")
        client.wait_for_workers(3, timeout=60)
        works(client)
        office.until(lambda: tasks_done(office) >= 40 and len(processes(office)) == 3)

        again = watch(client, office)
        assert again.id == watched.id
        with Client(by_hand.address) as other:
            assert watch(other, office).id == watched.id
        assert len(office.announced) == 1, "a second agent was asked for"

        # Nobody who looks at the cluster sees a token, ours or the user's.
        client.dump_cluster_state(str(tmp_path / "dump"), format="yaml")
        state = (tmp_path / "dump.yaml").read_text()
        assert "lineitem" in state
        for text in (state, everything_that_shows(client), by_hand.logs(), repr(watched)):
            assert TOKEN not in text
            assert USER_TOKEN not in text

        watched.stop()
        plugins = client.run(lambda dask_worker: list(dask_worker.plugins))
        assert all("lineitem-agent" not in names for names in plugins.values())
        before = tasks_done(office)
        works(client)
        assert our_handlers(client) == []
    assert tasks_done(office) == before
    check_books(office.of("worker"))
    log = by_hand.log("scheduler")
    assert "rror" not in log, log
    assert "WARNING" not in log, log


def our_handlers(client: Client) -> list[str]:
    def names(dask_scheduler: Any) -> list[str]:
        return [name for name in dask_scheduler.handlers if name.startswith("lineitem")]

    found: list[str] = client.run_on_scheduler(names)
    return found


def everything_that_shows(client: Client) -> str:
    def on_scheduler(dask_scheduler: Any) -> str:
        import os

        import dask

        tasks = [ts.annotations for ts in dask_scheduler.tasks.values()]
        plugins = [repr(vars(plugin)) for plugin in dask_scheduler.plugins.values() if hasattr(plugin, "__dict__")]
        return repr((dask.config.config, dict(os.environ), tasks, plugins, vars(dask_scheduler)))

    def on_worker() -> str:
        import os

        import dask

        return repr((dask.config.config, dict(os.environ)))

    return str(client.run_on_scheduler(on_scheduler)) + repr(client.run(on_worker))


@pytest.mark.parametrize("processes_", [True, False])
def test_a_local_cluster(office: Office, processes_: bool) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=processes_, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        watched = watch(client, office)
        assert watched.deployment == "local"
        assert watched.watched
        works(client)
        office.until(lambda: tasks_done(office) >= 20)
        assert not [name for name in sys.modules if name.startswith("lineitem_shipped")], "a second copy of the agent"
    assert office.of("scheduler")[-1]["final"]
    check_books(office.of("worker"))


def test_the_current_client_is_the_default(office: Office) -> None:
    with pytest.raises(ConfigurationError, match="There is no Dask client"):
        lineitem.watch(server=office.url, token=USER_TOKEN)
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster, Client(cluster):
        assert lineitem.watch(server=office.url, token=USER_TOKEN).id == "cl_watched0"
        with pytest.raises(ConfigurationError, match=r"takes a distributed\.Client, not a LocalCluster"):
            lineitem.watch(cluster, server=office.url, token=USER_TOKEN)


def test_in_an_event_loop(office: Office) -> None:
    async def program() -> Any:
        async with (
            LocalCluster(n_workers=1, processes=False, asynchronous=True, dashboard_address=":0") as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            watched = await watch(client, office)
            assert await client.submit(busy, 0.01, 1) == 1
            await watched.stop()
            return watched

    assert asyncio.run(program()).id == "cl_watched0"
    assert tasks_done(office) == 1


def test_watching_again_after_stopping_counts_on(office: Office) -> None:
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        watch(client, office).stop()
        works(client)
        watched = watch(client, office)
        works(client)
        watched.stop()
        again = watch(client, office)
        works(client)
        again.stop()
    assert watched.id == again.id
    assert len(office.announced) == 3
    assert tasks_done(office) == 40
    ids = [row["id"] for row in office.submissions()]
    assert len(ids) == len(set(ids)), "two submissions with one number"


def test_a_new_token_brings_the_agent_back(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        watched = watch(client, office)
        office.until(lambda: office.bodies)
        office.agent_token = "another-token"
        office.until(lambda: "refuses this cluster's agent" in caplog.text, 60)
        assert "Call lineitem.watch() again" in caplog.text
        works(client)
        assert watch(client, office).id == watched.id
        done = tasks_done(office)
        works(client)
        office.until(lambda: tasks_done(office) >= done + 20)
    assert "another-token" not in caplog.text


def test_the_most_talkative_logs_hold_no_token(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "distributed.core")
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        watch(client, office)
        works(client)
    assert "lineitem_watch" in caplog.text
    assert "'op': 'run_function'" in caplog.text
    assert TOKEN not in caplog.text
    assert USER_TOKEN not in caplog.text


def test_the_server_says_no(office: Office) -> None:
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        with pytest.raises(NotSignedIn):
            lineitem.watch(client, server=office.url, token="wrong")
        assert works(client)
        assert watch(client, office).id == "cl_watched0", "the claim was not given back"


def test_switched_off_here_and_there(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEITEM_AGENT", "off")
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        watched = watch(client, office)
        assert (watched.id, watched.watched, repr(watched)) == ("", False, "WatchedCluster(off)")
        watched.stop()
        with pytest.raises(ConfigurationError, match="LINEITEM_AGENT is off"):
            watched.bill()
        found = client.sync(_ship.send, client.scheduler, {"do": "claim"})
    assert found == {"state": "refused", "reason": "LINEITEM_AGENT is off in the scheduler's environment"}
    assert office.requests == 0


def test_a_scheduler_that_runs_no_functions(office: Office) -> None:
    options = {"blocked_handlers": ["run_function"], "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=1, processes=False, scheduler_kwargs=options) as cluster,
        Client(cluster) as client,
    ):
        with pytest.raises(ClusterError, match=r"cannot be watched: .*run_function.*It goes on as before"):
            watch(client, office)
        assert works(client)


def test_an_agent_of_another_server(office: Office) -> None:
    with (
        Office() as other,
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        watch(client, other)
        with pytest.raises(ClusterError, match=f"reports to {other.url}, and {office.url} does not show"):
            watch(client, office)


def test_a_cluster_that_lineitem_started(office: Office, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    env = {
        **plain_environ(),
        "LINEITEM_SERVER": office.url,
        "LINEITEM_CLUSTER": "cl_watched0",
        "LINEITEM_AGENT_TOKEN_FILE": str(token),
        "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "lineitem.agent.preload",
    }
    from watch_lab import cluster_json

    office.clusters["its own"] = {**cluster_json(0, {"scheduler_address": "tcp://127.0.0.1:1"}), "watched": False}
    with ByHand(tmp_path, env) as cluster, Client(cluster.address) as client:
        with pytest.warns(UserWarning, match="Lineitem itself started this Dask cluster"):
            watched = watch(client, office)
        assert not watched.watched
        watched.stop()
        assert "lineitem_report" in our_handlers(client)
    assert office.announced == []


@pytest.mark.parametrize("version", ["2023.12.0", "2024.8.2", "2022.2.0"])
def test_an_old_dask_is_refused_with_a_sentence(
    office: Office, version: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert (
        unsupported(version) == f"Lineitem's agent needs distributed 2024.9 or later, and this scheduler has {version}"
    )
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        monkeypatch.setattr(distributed, "__version__", version)
        with pytest.raises(ConfigurationError, match=rf"this Python has {version}; nothing was changed"):
            watch(client, office)
        found = client.sync(_ship.send, client.scheduler, {"do": "claim"})
    assert found["state"] == "refused"
    assert f"this scheduler has {version}: this cluster works, but is not watched" in caplog.text


@pytest.mark.parametrize("version", ["2024.9.0", "2024.12.1", "2026.8.0", "2030.1.0+12.gabc", "0+unknown", "0.0.0"])
def test_a_dask_that_will_do(version: str) -> None:
    assert unsupported(version) == ""


def order(function: Any, scheduler: Any) -> Any:
    return asyncio.run(function(dask_scheduler=scheduler))


def test_the_parcel_is_softly_made_of_builtins(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    function = loads(dumps(_ship.parcel({"do": "claim"})))
    monkeypatch.setattr(sys, "version_info", (3, 9, 7))
    answer = order(function, None)
    assert answer["state"] == "refused"
    assert answer["reason"] == "Lineitem's agent needs Python 3.10 or later, and this scheduler has 3.9"
    monkeypatch.undo()
    assert order(function, None)["state"] == "failed", "None is no scheduler"
    assert "this cluster works, but is not watched" in caplog.text


def test_a_broken_parcel_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    broken = _ship._Parcel(
        name="lineitem_shipped_broken", process="elsewhere", packed=b"no zip", order=zlib.compress(b'{"do": "claim"}')
    )
    assert order(loads(dumps(broken)), None)["state"] == "failed"
    assert "not watched" in caplog.text


def test_the_parcel_loads_where_another_lineitem_is_installed(tmp_path: Path) -> None:
    (tmp_path / "lineitem").mkdir()
    (tmp_path / "lineitem" / "__init__.py").write_text("raise RuntimeError('a Lineitem that is broken')")
    parcel = pickle.dumps(_ship.parcel({"do": "release"}))
    (tmp_path / "parcel").write_bytes(parcel)
    program = """
import asyncio, pickle, sys
function = pickle.load(open("parcel", "rb"))
class Scheduler: pass
print(asyncio.run(function(Scheduler())), "lineitem" in sys.modules)
from importlib import import_module
name = next(name for name in sys.modules if name.startswith("lineitem_shipped"))
module = import_module(name + ".agent.scheduler._plugin")
print(module.LineitemSchedulerPlugin.__name__, len(import_module(name + ".agent.scheduler._push").worker_payload({})) > 1000)
"""
    env = {**plain_environ(), "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert run.stdout == "{'state': 'released'} False\nLineitemSchedulerPlugin True\n", run.stderr
    assert len(parcel) < 150_000


def test_what_travels_needs_nothing_that_stays() -> None:
    """Every module that is shipped imports other shipped ones only."""
    import ast

    name, packed = _ship._texts()
    texts = json.loads(zlib.decompress(packed))
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            wanted = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                base = node.module or ""
                wanted = [base, *(f"{base}.{alias.name}" for alias in node.names if base == f"{name}.agent")]
            elif isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            for one in wanted:
                assert one.partition(".")[0] != "lineitem", f"{module} imports {one}"
                if one.startswith(name) and one not in texts:
                    base, _, attribute = one.rpartition(".")
                    assert attribute in texts[base], f"{module} imports {one}"


def test_a_claim_runs_out() -> None:
    class Scheduler:
        pass

    scheduler: Any = Scheduler()
    setattr(scheduler, _arrival._CLAIM, time.monotonic() - 5)
    assert _arrival.claim(scheduler) == {"state": "busy"}
    _arrival.keep_claim(scheduler)
    assert _arrival.claim(scheduler) == {"state": "busy"}
    _arrival.release(scheduler)
    assert not hasattr(scheduler, _arrival._CLAIM)
