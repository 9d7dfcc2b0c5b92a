"""What goes wrong around a watched cluster: the server, the token, the processes. Work is never harmed, and losses are counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import check_books
from agent_tasks import busy
from distributed import Client, LocalCluster
from watch_lab import USER_TOKEN, ByHand, Office, without_package

import lineitem
from lineitem.agent.scheduler import _transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def office() -> Iterator[Office]:
    with Office() as office:
        yield office


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "_BUSY_S", 0.1)
    monkeypatch.setattr(_transport, "_BACKOFF_S", (0.1, 0.5))


@pytest.fixture
def client(office: Office) -> Iterator[Client]:
    """A watched cluster in this process, so that its transport is as quick as these tests want it."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        lineitem.watch(client, server=office.url, token=USER_TOKEN)
        office.until(lambda: office.bodies)
        yield client


def works(client: Client, tasks: int = 40) -> int:
    assert sum(client.gather(client.map(busy, [0.01] * tasks, [1] * tasks, pure=False))) == tasks
    return tasks


def done(office: Office) -> int:
    return sum(row[4] for batch in office.of("worker") for row in batch["ledger"])


def agent(client: Client) -> Any:
    cluster: Any = client.cluster
    return cluster.scheduler._lineitem_agent


def seqs_are_whole(office: Office) -> None:
    """Assert that of no epoch anything is missing up to its last batch."""
    epochs: dict[str, set[int]] = {}
    for batch in office.batches:
        epochs.setdefault(batch["epoch"], set()).add(batch["seq"])
    for epoch, seqs in epochs.items():
        assert seqs == set(range(max(seqs) + 1)), epoch


def test_a_server_that_is_away_under_load(office: Office, client: Client) -> None:
    """The short, real form of ten minutes; test_queue.py has the long one, with a clock of its own."""
    office.down()
    health = agent(client).transport.health
    failed = health["post_errors"]
    worked = 0
    deadline = time.monotonic() + 60
    while health["post_errors"] < failed + 10 or worked < 1_000:
        worked += works(client, 100)
        assert time.monotonic() < deadline, (health, worked)
    office.up()
    office.until(lambda: done(office) >= worked, 60)
    assert done(office) == worked
    check_books(office.of("worker"))
    seqs_are_whole(office)
    assert agent(client).transport.queue.dropped == 0


@pytest.mark.parametrize(
    "trouble",
    [
        (500, {}, b'{"code": "internal", "message": "No space left on device."}'),
        (503, {"Retry-After": "1"}, b'{"code": "unavailable", "message": "Later."}'),
        (429, {"Retry-After": "1"}, b""),
        (502, {}, b"<html>bad gateway</html>"),
        (200, {}, b"<html>a portal</html>"),
        (507, {}, b""),
    ],
    ids=["disk full", "busy", "too many", "gateway", "portal", "no storage"],
)
def test_a_server_in_trouble_gets_everything_later(office: Office, client: Client, trouble: Answer) -> None:
    refused = []

    def answer(post: dict[str, Any]) -> Answer:
        refused.append(len(post["batches"]))
        return trouble

    office.answer = answer
    worked = works(client)
    office.until(lambda: sum(refused) > 0 and len(refused) >= 3)
    assert done(office) == 0
    office.answer = lambda _post: None
    office.until(lambda: done(office) >= worked)
    seqs_are_whole(office)
    check_books(office.of("worker"))


def test_a_slow_server_holds_up_nothing_but_the_post(office: Office, client: Client) -> None:
    slow = []

    def answer(_post: dict[str, Any]) -> None:
        slow.append(time.monotonic())
        time.sleep(1.0)

    office.answer = answer

    async def turn() -> float:
        import asyncio
        import time

        begin = time.perf_counter()
        await asyncio.sleep(0)
        return time.perf_counter() - begin

    worked = 0
    turns = []
    while len(slow) < 4:
        worked += works(client)
        turns.append(client.run_on_scheduler(turn))
    # The scheduler's event loop went round meanwhile; had it waited for the server, each of these would take a second.
    assert sorted(turns)[len(turns) // 2] < 0.5
    office.until(lambda: done(office) >= worked, 60)
    seqs_are_whole(office)


def test_an_expired_token_ends_telemetry_and_nothing_else(
    office: Office, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    office.agent_token = "another"
    office.until(lambda: agent(client).transport.refused)
    posts = office.requests
    works(client)
    works(client)
    assert len(agent(client).transport.queue) == 0
    assert office.requests <= posts + 1
    assert caplog.text.count("refuses this cluster's agent (HTTP 401)") == 1


def test_a_cluster_that_announced_itself_does_so_again_when_its_token_was_replaced(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in office.account().items():
        monkeypatch.setenv(name, value)
    options = {"preload": ["lineitem.agent.preload"], "dashboard_address": ":0"}
    with LocalCluster(n_workers=1, processes=False, scheduler_kwargs=options) as cluster, Client(cluster) as client:
        office.until(lambda: office.bodies)
        worked = works(client)
        office.agent_token = "another"
        worked += works(client)
        office.until(lambda: done(office) >= worked)
        assert len(office.announced) == 2
        assert not agent(client).transport.refused
        seqs_are_whole(office)
        # Where the server is away just then, it is asked again.
        office.agent_token = "third"
        office.refuse = lambda: (503, {}, b"")
        office.until(lambda: agent(client).transport._refusals >= 5)
        assert not agent(client).transport.refused
        office.refuse = lambda: None
        worked += works(client)
        office.until(lambda: done(office) >= worked)
        # And where the user may not any more, that is the end.
        office.agent_token = "fourth"
        office.refuse = lambda: (401, {}, b'{"code": "unauthenticated", "message": "Sign in."}')
        office.until(lambda: agent(client).transport.refused)
        works(client)
    for token in ("another", "third", "fourth"):
        assert token not in caplog.text


def test_killed_processes(office: Office, tmp_path: Path) -> None:
    """A worker that is killed takes its tasks' results with it, as without Lineitem; the books say so. Then the scheduler."""
    with ByHand(tmp_path, without_package(tmp_path / "site")) as cluster:
        cluster.worker("w-0", "--no-nanny")
        cluster.worker("w-1", "--no-nanny")
        with Client(cluster.address) as client:
            client.wait_for_workers(2, timeout=60)
            lineitem.watch(client, server=office.url, token=USER_TOKEN)
            works(client)
            office.until(lambda: done(office) >= 40)
            futures = client.map(busy, [0.1] * 40, [1] * 40, pure=False)
            busy_now = """lambda dask_scheduler: any(
                ws.name == "w-0" and ws.processing for ws in dask_scheduler.workers.values())"""
            office.until(lambda: client.run_on_scheduler(eval(busy_now)))
            cluster.kill("w-0")
            assert sum(client.gather(futures)) == 40, "Dask runs them again elsewhere"
            cluster.worker("w-2", "--no-nanny")
            client.wait_for_workers(2, timeout=60)
            office.until(lambda: len({batch["process"] for batch in office.of("worker")}) == 3)

            def rows() -> list[dict[str, Any]]:
                return [row for batch in office.of("scheduler") for row in batch.get("workers", ())]

            office.until(lambda: any(row["ended_us"] for row in rows()))
            (gone,) = [row for row in rows() if row["ended_us"]]
            assert gone["name"] == "w-0"
            assert gone["reason"]
            assert gone["lost_tasks"] > 0
            cluster.kill("scheduler")
        for name in ("w-1", "w-2"):
            log = cluster.running[name].wait(90), cluster.log(name)
            assert "Lineitem" not in log[1], log
    check_books(office.of("worker"))
