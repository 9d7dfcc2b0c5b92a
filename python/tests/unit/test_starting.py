from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import dask.config
import httpx
import pytest
from samples import cluster

import lineitem
from lineitem import AsyncLineitem, ClusterInfo, Credentials
from lineitem._starting import send_submission_lines, wait_for_scheduler
from lineitem._wire import decode

if TYPE_CHECKING:
    from collections.abc import Callable

NFRAMES = "distributed.diagnostics.computations.nframes"
PEM = {"scheduler_address": "tls://127.0.0.1:1", "ca_pem": "a", "certificate_pem": "b", "key_pem": "c"}
UP = {"status": "running", "scheduler_address": "tls://127.0.0.1:1"}


def wait(
    answer: Callable[[httpx.Request], httpx.Response], timeout: float = 30
) -> tuple[Credentials, list[ClusterInfo]]:
    learned: list[ClusterInfo] = []

    async def main() -> Credentials:
        transport = httpx.MockTransport(answer)
        async with AsyncLineitem("http://127.0.0.1:8470", "t", transport=transport) as api:
            return await wait_for_scheduler(api, decode(ClusterInfo, cluster()), timeout, learned.append)

    return asyncio.run(main()), learned


def test_it_waits_for_the_scheduler_and_not_for_workers() -> None:
    polls = iter([cluster(status="pending"), cluster(), cluster(**UP), cluster(**UP)])
    conflicts = iter([409, 200])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/credentials"):
            # Between two questions the scheduler may go away again.
            if next(conflicts) == 409:
                return httpx.Response(409, json={"code": "cluster_not_running", "message": "Not yet.", "fields": []})
            return httpx.Response(200, json=PEM)
        return httpx.Response(200, json=next(polls))

    credentials, learned = wait(answer)
    assert credentials.scheduler_address == "tls://127.0.0.1:1"
    assert [info.status for info in learned] == ["pending", "starting", "running", "running"]


@pytest.mark.parametrize("ending", [{"status": "failed"}, {"status": "stopping", "target": "stopped"}])
def test_a_cluster_that_ends_says_why_with_the_end_of_its_logs(ending: dict[str, Any]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/logs"):
            assert request.url.params["tail_bytes"]
            log = {"process_id": "p", "name": "scheduler", "text": "ImportError: no\n", "truncated": True}
            return httpx.Response(200, json={"items": [log, {**log, "name": "w-0", "text": " \n"}]})
        return httpx.Response(200, json=cluster(reason="The scheduler ended: exit code 1.", **ending))

    with pytest.raises(lineitem.ClusterFailed) as caught:
        wait(answer)
    assert caught.value.reason == "The scheduler ended: exit code 1."
    assert caught.value.cluster_id == "cl_1"
    assert str(caught.value) == (
        "Cluster ana-1 did not start: The scheduler ended: exit code 1.\n\nEnd of the logs:\n[scheduler]\nImportError: no"
    )


def test_logs_that_cannot_be_read_do_not_hide_the_reason() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/logs"):
            return httpx.Response(404, json={"code": "not_found", "message": "No logs.", "fields": []})
        return httpx.Response(
            200, json=cluster(status="failed", reason="Out of memory", started_at="2026-01-02T03:04:05Z")
        )

    with pytest.raises(lineitem.ClusterFailed, match=r"ana-1 has ended: Out of memory\.$"):
        wait(answer)


def test_it_gives_up_in_time() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = {"items": []} if request.url.path.endswith("/logs") else cluster()
        return httpx.Response(200, json=body)

    with pytest.raises(lineitem.ClusterStartTimeout, match=r"not up after 0\.2 s"):
        wait(answer, timeout=0.2)


def test_a_server_that_restarts_meanwhile_is_waited_for() -> None:
    failures = iter(range(9))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/credentials"):
            return httpx.Response(200, json=PEM)
        if next(failures, None) is not None:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json=cluster(**UP))

    assert wait(answer)[0].ca_pem == "a"


def test_a_server_that_is_gone_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineitem._starting._PATIENCE", 0.0)

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    begin = time.monotonic()
    with pytest.raises(lineitem.ServerUnreachable):
        wait(answer)
    assert time.monotonic() - begin < 30


def test_wrong_token_is_not_waited_for() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"code": "unauthenticated", "message": "Who?", "fields": []})

    with pytest.raises(lineitem.NotSignedIn):
        wait(answer)


def test_submission_lines_are_switched_on_unless_the_user_has_decided() -> None:
    assert dask.config.get(NFRAMES) == 0
    send_submission_lines()
    assert dask.config.get(NFRAMES) == 2
    dask.config.set({NFRAMES: 1})
    send_submission_lines()
    assert dask.config.get(NFRAMES) == 1


def test_submission_lines_can_be_switched_off() -> None:
    dask.config.set({"lineitem.submission-frames": 0})
    send_submission_lines()
    assert dask.config.get(NFRAMES) == 0
