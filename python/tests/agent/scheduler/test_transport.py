from __future__ import annotations

import json
import logging
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from agent_lab import TOKEN, Collector

from lineitem.agent.common._config import AgentConfig, read_config
from lineitem.agent.scheduler import _transport
from lineitem.agent.scheduler._transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable


def batch(seq: int, size: int = 10) -> bytes:
    packed: bytes = msgpack.packb({"kind": "worker", "epoch": "e", "seq": seq, "filler": b"x" * size})
    return packed


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "_BUSY_S", 0.05)
    monkeypatch.setattr(_transport, "_BACKOFF_S", (0.05, 0.2))


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], AgentConfig]:
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    return lambda url: AgentConfig(server=url, cluster="cl_test", process="cl_test-scheduler-1", token_file=str(token))


def transport(config: AgentConfig, answers: list[dict[str, Any]] | None = None) -> Transport:
    def on_answer(answer: dict[str, Any]) -> None:
        if answers is not None:
            answers.append(answer)

    made = Transport(config, "0.1.0", collect=lambda: None, has_news=lambda: False, on_answer=on_answer)
    made.start()
    return made


def seqs(collector: Collector) -> list[int]:
    return [row["seq"] for row in collector.of("worker")]


def test_the_first_post_is_an_empty_heartbeat_and_brings_the_knobs(config: Callable[[str], AgentConfig]) -> None:
    with Collector() as collector:
        answers: list[dict[str, Any]] = []
        sender = transport(config(collector.url), answers)
        collector.until(lambda: collector.bodies)
        sender.queue.put(batch(0))
        collector.until(lambda: seqs(collector) == [0])
        sender.close(2)
    assert collector.bodies[0] == {"v": 1, "agent": "0.1.0", "batches": []}
    assert answers[0]["knobs"]["rate_hz"] == 20


def test_a_server_that_is_away_loses_nothing(
    config: Callable[[str], AgentConfig], caplog: pytest.LogCaptureFixture
) -> None:
    with Collector() as collector:
        sender = transport(config(collector.url))
        collector.until(lambda: collector.requests)
        collector.down()
        for seq in range(50):
            sender.queue.put(batch(seq))
        deadline = time.monotonic() + 20
        while sender.health["post_errors"] < 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        collector.up()
        collector.until(lambda: len(seqs(collector)) == 50)
        sender.close(2)
    assert seqs(collector) == list(range(50))
    assert TOKEN not in caplog.text
    assert "cannot reach" in caplog.text


def test_an_answer_that_is_lost_leads_to_a_duplicate_only(config: Callable[[str], AgentConfig]) -> None:
    with Collector() as collector:
        sender = transport(config(collector.url))
        collector.until(lambda: collector.requests)
        lost = threading.Event()

        def lose_one(post: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
            if post["batches"] and not lost.is_set():
                lost.set()
                collector._seen.add(("e", 0))
                return 502, {}, b"bad gateway"
            return None

        collector.answer = lose_one
        sender.queue.put(batch(0))
        collector.until(lambda: collector.duplicates)
        sender.close(2)
    assert collector.duplicates == 1


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"[]", b"{}"])
def test_a_portal_that_says_200_to_anything_is_no_server(config: Callable[[str], AgentConfig], body: bytes) -> None:
    with Collector() as collector:
        collector.answer = lambda _post: (200, {}, body)
        sender = transport(config(collector.url))
        sender.queue.put(batch(0))
        collector.until(lambda: collector.requests >= 2)
        collector.answer = lambda _post: None
        collector.until(lambda: seqs(collector) == [0])
        sender.close(2)


def test_too_large_posts_are_halved_and_a_single_one_dropped(config: Callable[[str], AgentConfig]) -> None:
    with Collector() as collector:
        sizes: list[int] = []

        def limit(post: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
            sizes.append(len(post["batches"]))
            total = sum(map(len, post["batches"]))
            return (413, {}, b"{}") if total > 2_500 else None

        collector.answer = limit
        sender = transport(config(collector.url))
        for seq in range(16):
            sender.queue.put(batch(seq, 1_000))
        sender.queue.put(batch(16, 10_000))
        sender.queue.put(batch(17, 1_000))
        collector.until(lambda: len(seqs(collector)) == 17)
        sender.close(2)
    assert seqs(collector) == [*range(16), 17]
    assert sender.health["rejected"] == 1
    assert max(sizes) > 2


def test_a_refused_token_ends_telemetry(config: Callable[[str], AgentConfig], caplog: pytest.LogCaptureFixture) -> None:
    with Collector() as collector:
        wrong = config(collector.url)
        Path(wrong.token_file).write_text("something-else")
        sender = transport(wrong)
        sender.queue.put(batch(0))
        sender._thread.join(20)
        assert not sender._thread.is_alive()
        sender.close(1)
    assert sender.refused
    assert collector.requests == 3
    assert len(sender.queue) == 0
    assert "something-else" not in caplog.text


def test_retry_after_is_honoured(config: Callable[[str], AgentConfig]) -> None:
    with Collector() as collector:
        times: list[float] = []

        def busy(_post: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
            times.append(time.monotonic())
            return (429, {"Retry-After": "1"}, b"{}") if len(times) == 1 else None

        collector.answer = busy
        sender = transport(config(collector.url))
        collector.until(lambda: len(times) >= 2)
        sender.close(2)
    assert times[1] - times[0] >= 1


def test_what_the_server_rejects_is_counted_and_not_sent_again(
    config: Callable[[str], AgentConfig], caplog: pytest.LogCaptureFixture
) -> None:
    with Collector() as collector:
        rejected = {"index": 0, "code": "invalid_batch", "message": "Thread-time does not add up: 1 is missing."}

        def reject(post: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
            if not post["batches"]:
                return None
            answer = {"accepted": 0, "duplicates": 0, "rejected": [rejected], "knobs": {}, "retire": []}
            return 200, {}, json.dumps(answer).encode()

        collector.answer = reject
        sender = transport(config(collector.url))
        sender.queue.put(batch(0))
        collector.until(lambda: sender.health["rejected"])
        sender.close(2)
    assert len(sender.queue) == 0
    assert "does not add up" in caplog.text


def test_closing_drains_the_queue(config: Callable[[str], AgentConfig]) -> None:
    with Collector() as collector:
        sender = transport(config(collector.url))
        collector.until(lambda: collector.requests)
        for seq in range(2_500):
            sender.queue.put(batch(seq))
        sender.close(10)
    assert seqs(collector) == list(range(2_500))


def test_closing_does_not_wait_for_a_server_that_never_answered(
    config: Callable[[str], AgentConfig], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        sender = transport(config(f"http://127.0.0.1:{unused.getsockname()[1]}"))
        sender.queue.put(batch(0))
        begin = time.monotonic()
        sender.close(30)
        assert time.monotonic() - begin < 15
    assert "1 batches that the server did not take" in caplog.text


def test_a_missing_token_is_read_when_it_comes(config: Callable[[str], AgentConfig]) -> None:
    with Collector() as collector:
        late = config(collector.url)
        Path(late.token_file).unlink()
        sender = transport(late)
        sender.queue.put(batch(0))
        deadline = time.monotonic() + 20
        while not sender.health["post_errors"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert collector.requests == 0
        Path(late.token_file).write_text(TOKEN)
        collector.until(lambda: seqs(collector) == [0])
        sender.close(2)


@pytest.mark.parametrize("text", ["two words", "bell\x07", "", "\xff"])
def test_a_token_that_is_no_header_is_none(config: Callable[[str], AgentConfig], text: str) -> None:
    broken = config("http://127.0.0.1:1")
    Path(broken.token_file).write_bytes(text.encode("latin-1"))
    assert broken.read_token() == ""


def test_http_goes_through_the_proxy_that_is_set(
    config: Callable[[str], AgentConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Collector() as proxy:
        targets: list[str] = []
        receive = proxy.receive

        def as_proxy(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            targets.append(path)
            return receive("/ingest/v1/batches", headers, body)

        monkeypatch.setattr(proxy, "receive", as_proxy)
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://ana:secret@"))
        monkeypatch.setenv("no_proxy", "")
        sender = transport(config("http://lineitem.example:8470/base"))
        sender.queue.put(batch(0))
        proxy.until(lambda: seqs(proxy) == [0])
        sender.close(2)
    assert set(targets) == {"http://lineitem.example:8470/base/ingest/v1/batches"}


def test_the_environment_decides(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    env = {
        "LINEITEM_SERVER": "http://127.0.0.1:8470/",
        "LINEITEM_CLUSTER": "cl_1",
        "LINEITEM_PROCESS": "cl_1-scheduler-2",
        "LINEITEM_AGENT_TOKEN_FILE": str(tmp_path / "token"),
    }
    found = read_config(env)
    assert isinstance(found, AgentConfig)
    assert (found.server, found.process) == ("http://127.0.0.1:8470", "cl_1-scheduler-2")
    assert read_config({**env, "LINEITEM_AGENT": "off"}) == "LINEITEM_AGENT is off"
    assert "LINEITEM_SERVER" in str(read_config({}))
    assert "not an http" in str(read_config({**env, "LINEITEM_SERVER": "ftp://x"}))
