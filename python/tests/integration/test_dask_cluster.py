from __future__ import annotations

import asyncio
import os
import pickle
import time
from typing import TYPE_CHECKING, Any

import dask.config
import pytest
from distributed import Client
from real_server import assert_adds_up, eventually, running_server

import lineitem
from lineitem import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from real_server import Server

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("signed_in")]


def spinner() -> Callable[[float], float]:
    """Make a function that keeps a thread busy.

    Workers cannot import a test module; a function made in a function travels whole, as those of a script do.
    """

    def spin(seconds: float) -> float:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            sum(range(1000))
        return seconds

    return spin


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Cluster]:
    """One cluster for the tests that leave it as it was."""
    with dask.config.set({"lineitem.cluster.refresh-interval": "500ms"}):
        cluster = Cluster(n_workers=2, nthreads=1, memory_limit="1 GB", server=server.url, token=server.token)
    with cluster:
        cluster.wait_for_workers(2, timeout=60)
        yield cluster


def test_it_computes_over_tls_and_looks_like_a_dask_cluster(shared: Cluster) -> None:
    with shared.get_client() as client:
        assert client.cluster is shared
        assert client.submit(sum, [1, 2]).result() == 3
    assert shared.scheduler_address.startswith("tls://127.0.0.1:")
    assert shared.security.require_encryption is True
    assert shared.plan == shared.requested == shared.observed == {"w-0", "w-1"}
    workers = shared.scheduler_info["workers"].values()
    assert [(w["nthreads"], w["memory_limit"]) for w in workers] == [(1, 10**9)] * 2
    assert shared.dashboard_link.startswith("http://127.0.0.1:")


def test_it_shows_rate_cost_workers_and_link(shared: Cluster, server: Server) -> None:
    eventually("the rate is known", lambda: shared.info is not None and shared.info.rate_nanos_per_hour > 0)
    text = repr(shared)
    assert text.startswith(f"Cluster {shared.name}, ")
    assert "/h, $" in text
    assert "2 of 2 workers, 1 thread, 1 GB each" in text
    assert f"{server.url}/clusters/{shared.id}" in text
    html = shared._repr_html_()
    for part in (shared.name, "Rate", "Cost so far", "2 of 2", "Lineitem", "Dask dashboard", "As of "):
        assert part in html
    for secret in (server.token, "PRIVATE KEY"):
        assert secret not in text + html + repr(shared.__dict__)


def test_it_is_not_pickled(shared: Cluster) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(shared)


def test_plain_tcp_is_refused(shared: Cluster) -> None:
    plain = shared.scheduler_address.replace("tls://", "tcp://")
    with pytest.raises(OSError, match=r"encryption|Timed out|closed"), Client(plain, timeout="2s"):
        pytest.fail("connected without TLS")


def test_attached_cluster_goes_on_after_close(shared: Cluster) -> None:
    again = Cluster.attach(shared.name)
    assert again.id == shared.id
    assert again == shared
    with Client(again) as client:
        assert client.submit(abs, -1).result() == 1
    again.close()
    again.close()
    with shared.get_client() as client:
        assert client.submit(abs, -2).result() == 2


def test_logs_are_the_server_s(shared: Cluster) -> None:
    logs = shared.get_logs()
    assert {"Cluster", "scheduler", "w-0", "w-1"} <= set(logs)
    assert "Created by admin with 2 workers" in logs["Cluster"]
    assert "Scheduler at:" in logs["scheduler"]
    assert set(shared.get_logs(cluster=False, scheduler=False, workers=["w-1"])) == {"w-1"}
    address = next(a for a, w in shared.scheduler_info["workers"].items() if w["name"] == "w-0")
    assert set(shared.get_logs(cluster=False, scheduler=True, workers=[address])) == {"scheduler", "w-0"}


def test_used_in_an_event_loop(server: Server) -> None:
    async def main() -> tuple[Any, ...]:
        async with Cluster(n_workers=1, asynchronous=True) as cluster:
            assert await cluster is cluster
            async with Client(cluster, asynchronous=True) as client:
                result = await client.submit(sum, [1, 2, 3])
            await cluster.scale(2)
            await cluster.wait_for_workers(2, timeout=60)
            logs = await cluster.get_logs()
            bill = await cluster.bill()
        await cluster.close()
        return result, set(logs), bill, cluster.id

    result, logs, bill, cluster_id = asyncio.run(main())
    assert result == 6
    assert {"scheduler", "w-0", "w-1"} <= logs
    assert bill.cluster_id == cluster_id
    with server.api() as api:
        assert api.get_cluster(cluster_id).target == "stopped"


def test_scaling_keeps_results_and_adapting_follows_the_load() -> None:
    with Cluster(n_workers=1, nthreads=1) as cluster, cluster.get_client() as client:
        cluster.scale(3)
        assert cluster.plan == {"w-0", "w-1", "w-2"}
        cluster.wait_for_workers(3, timeout=60)
        numbers = client.map(str, range(30), pure=False)
        client.gather(numbers)
        assert {name for names in client.who_has(numbers).values() for name in names} == set(
            client.scheduler_info(n_workers=-1)["workers"]
        )

        def computed(dask_scheduler: Any) -> int:
            return int(dask_scheduler.task_prefixes["str"].state_counts["memory"])

        assert client.run_on_scheduler(computed) == 30
        cluster.scale(1)
        assert len(cluster.plan) == 1
        eventually("one worker is left", lambda: len(cluster.observed) == 1)
        # What the two others held has moved: nothing is computed again.
        assert client.run_on_scheduler(computed) == 30
        assert client.gather(numbers) == [str(i) for i in range(30)]
        assert len(client.who_has(numbers)) == 30

        cluster.adapt(minimum=1, maximum=2, interval="200ms", wait_count=2, target_duration="1s")
        assert "adaptive 1 to 2" in repr(cluster)
        work = client.map(spinner(), [0.25] * 1000, pure=False)
        eventually("a second worker came", lambda: len(cluster.observed) == 2)
        client.cancel(work)
        del work
        eventually("it went again", lambda: len(cluster.observed) == 1)
        assert client.gather(numbers) == [str(i) for i in range(30)]
        # Adapting never lost a worker in the server's eyes: none was started a second time.
        with lineitem.Lineitem() as api:
            processes = api.processes(cluster.id).items
        assert {p.generation for p in processes} == {1}
        assert all(p.status != "failed" for p in processes)


def test_scaling_to_nothing_gives_up_results_and_comes_back() -> None:
    with Cluster(n_workers=1) as cluster, cluster.get_client() as client:
        number = client.submit(abs, -5)
        assert number.result() == 5
        cluster.scale(0)
        eventually("no worker is left", lambda: not cluster.observed)
        cluster.scale(1)
        assert number.result(timeout=60) == 5


def test_two_clusters_at_once_do_not_mix() -> None:
    with Cluster(n_workers=1, name="left") as left, Cluster(n_workers=1, name="right", env={"SIDE": "right"}) as right:
        assert left.id != right.id
        assert left.scheduler_address != right.scheduler_address
        with left.get_client() as one, right.get_client() as two:
            assert one.submit(os.getenv, "SIDE").result() is None
            assert two.submit(os.getenv, "SIDE").result() == "right"
        # Each has a certificate authority of its own: the keys of one open nothing of the other.
        with pytest.raises(OSError), Client(right.scheduler_address, security=left.security, timeout="2s"):
            pytest.fail("connected with another cluster's keys")


def test_closing_stops_the_cluster_once_and_its_bill_stays(server: Server) -> None:
    cluster = Cluster(n_workers=1, nthreads=1)
    with cluster.get_client() as client:
        client.gather(client.map(spinner(), [0.2] * 5, pure=False))
    cluster.close()
    cluster.close()
    assert cluster.status.name == "closed"
    with server.api() as api:
        eventually("it has ended", lambda: api.get_cluster(cluster.id).ended)
        assert api.get_cluster(cluster.id).status == "stopped"
    bill = cluster.bill()
    assert_adds_up(bill)
    assert bill.total_nanos > 0
    # On a machine so busy that a task was never looked at, its time goes to the line that asked for it.
    asked = test_closing_stops_the_cluster_once_and_its_bill_stays.__name__
    functions = [line.function for line in bill.lines if line.file == __file__]
    assert len(functions) == len(bill.lines)
    assert {"spinner.<locals>.spin"} <= set(functions) <= {"spinner.<locals>.spin", asked}
    assert "scheduler" in cluster.get_logs()
    with pytest.raises(lineitem.ClusterError):
        cluster.scale(2)


def test_wrong_token_is_refused_before_anything_starts() -> None:
    with pytest.raises(lineitem.NotSignedIn):
        Cluster(n_workers=1, token="lit_wrong")


def test_wrong_options_are_refused_by_name(server: Server) -> None:
    with server.api() as api:
        before = len(api.list_clusters().items)
        with pytest.raises(lineitem.InvalidInput) as caught:
            Cluster(n_workers=1001)
        assert caught.value.fields[0].name == "options.n_workers"
        with pytest.raises(lineitem.ConfigurationError, match="n_workers"):
            Cluster(n_workers=-1)
        with pytest.raises(lineitem.ConfigurationError, match="env"):
            Cluster(env={"A": 1})  # type: ignore[dict-item]
        with pytest.raises(lineitem.NotFound):
            Cluster.attach("no-such-cluster")
        assert len(api.list_clusters().items) == before


def test_cluster_that_cannot_start_says_why(scripts: Path) -> None:
    python = scripts / "python"
    python.write_text("#!/bin/sh\necho 'no Dask in here' >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(lineitem.ClusterFailed) as caught:
        Cluster(n_workers=1, python=str(python))
    assert "did not start" in str(caught.value)
    assert "exit code 3" in caught.value.reason
    assert "no Dask in here" in caught.value.logs


def test_scheduler_that_takes_too_long_is_given_up_and_stopped(scripts: Path, server: Server) -> None:
    python = scripts / "python"
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    python.chmod(0o755)
    with pytest.raises(lineitem.ClusterStartTimeout, match="not up after 1 s") as caught:
        Cluster(n_workers=1, python=str(python), start_timeout=1)
    with server.api() as api:
        assert api.get_cluster(caught.value.cluster_id).target == "stopped"


def test_stopped_elsewhere_is_noticed(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(n_workers=0)
    with server.api() as api:
        api.stop_cluster(cluster.id)
    with pytest.raises(lineitem.ClusterError, match=r"ended|not running"):
        cluster.wait_for_workers(1, timeout=60)
    eventually("it is closed", lambda: cluster.status.name == "closed")
    assert f"Cluster {cluster.name} has ended" in caplog.text
    cluster.close()


def test_server_that_goes_away_harms_no_work_and_is_named(tmp_path: Path) -> None:
    with running_server(str(tmp_path)) as other:
        cluster = Cluster(n_workers=1, server=other.url, token=other.token)
        client = cluster.get_client()
        assert client.submit(abs, -1).result() == 1
        other.process.kill()
        other.process.wait(30)
        try:
            assert client.submit(abs, -2).result() == 2
            with pytest.raises(lineitem.ServerUnreachable, match=other.url):
                cluster.scale(2)
            assert client.submit(abs, -3).result() == 3
            client.close()
            with pytest.raises(lineitem.ServerUnreachable):
                cluster.close()
            assert cluster.status.name == "closed"
            with pytest.raises(lineitem.ServerUnreachable):
                Cluster(n_workers=1, server=other.url, token=other.token)
        finally:
            cluster.shutdown_on_close = False
    # A server on the same folder finds the cluster again and can stop it.
    with running_server(str(tmp_path)) as again, again.api() as api:
        assert api.get_cluster(cluster.id).target == "running"
        again.stop_clusters()
        assert api.get_cluster(cluster.id).status == "stopped"
