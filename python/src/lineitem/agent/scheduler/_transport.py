"""From the scheduler to the server: one daemon thread that empties the queue, and waits where the server is away."""

from __future__ import annotations

import gzip
import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import msgpack

from lineitem.agent.scheduler._http import Channel, read_object, retry_after
from lineitem.agent.scheduler._queue import BatchQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem.agent.common._config import AgentConfig

logger = logging.getLogger("lineitem.agent")

PATH = "/ingest/v1/batches"
MAX_POST_BYTES = 4 << 20
MAX_POST_BATCHES = 1000

_BUSY_S = 2.0
_QUIET_S = 10.0
_TIMEOUT_S = 10.0
_BACKOFF_S = (1.0, 60.0)
_REFUSALS = 3
_MAX_WAITERS = 100
_LOOK_S = 1.0


class Transport:
    """The thread that posts batches.

    Parameters
    ----------
    config
        Where to, and with which token.
    version
        The agent's version.
    collect
        Called before each post, off the event loop: puts the scheduler's own batch into the queue if there is news.
    has_news
        Tells whether ``collect`` would have something that should not wait.
    on_answer
        Called with each answer of the server.
    """

    def __init__(
        self,
        config: AgentConfig,
        version: str,
        collect: Callable[[], None],
        has_news: Callable[[], bool],
        on_answer: Callable[[dict[str, Any]], None],
    ) -> None:
        self.queue = BatchQueue()
        self.health = {"posts": 0, "post_errors": 0, "rejected": 0, "post_bytes": 0}
        self.refused = False
        self.config = config
        self._version = version
        self._collect = collect
        self._has_news = has_news
        self._on_answer = on_answer
        self._post_bytes = MAX_POST_BYTES
        self._post_batches = MAX_POST_BATCHES
        self._refusals = 0
        self._answered = False
        self._channel = Channel(config.server)
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._waiters: list[Callable[[], object]] = []
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="lineitem-transport", daemon=True)

    def start(self) -> None:
        """Start posting; the first post goes at once."""
        self._thread.start()

    def hurry(self, when_done: Callable[[], object]) -> None:
        """Post now, and call back once the server has acknowledged all that is in the queue by then.

        Parameters
        ----------
        when_done
            Called by the transport's thread, never if the server does not answer.
        """
        self._waiters.append(when_done)
        self._wake.set()

    def close(self, seconds: float) -> None:
        """Post what is left and end the thread, within a number of seconds. Blocks."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        if len(self.queue):
            logger.warning("Lineitem's agent ends with %d batches that the server did not take.", len(self.queue))

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        last_post = float("-inf")
        wait = 0.0
        while not self.refused:
            self._pause(wait)
            if self._closing.is_set():
                break
            now = time.monotonic()
            quiet = now - last_post >= _QUIET_S
            hurried, self._waiters = self._waiters, []
            if not hurried and not quiet and not len(self.queue) and not self._has_news():
                wait = 0.5
                continue
            pause = self._exchange()
            if pause is None and not len(self.queue):
                for when_done in hurried:
                    when_done()
            else:
                self._waiters = [*hurried[-_MAX_WAITERS:], *self._waiters]
            if pause is None:
                failures = 0
                last_post = now
                more = len(self.queue) >= self._post_batches or self.queue.size >= self._post_bytes
                wait = 0.05 if more else _BUSY_S * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
            else:
                failures += 1
                low, high = _BACKOFF_S
                backoff = min(high, low * 2 ** min(failures - 1, 10)) * random.uniform(0.5, 1.5)  # noqa: S311 - as above
                wait = max(pause, backoff)
        self._drain()
        self._channel.close()

    def _pause(self, seconds: float) -> None:
        """Wait, unless there is a hurry; what waits in the queue is looked after meanwhile."""
        until = time.monotonic() + seconds
        while True:
            self.queue.relieve()
            left = until - time.monotonic()
            if left <= 0 or self._wake.wait(min(left, _LOOK_S)):
                break
        self._wake.clear()

    def _drain(self) -> None:
        """Last posts. A server that has not answered lately gets one try and not the whole time."""
        tries = 0
        while not self.refused and time.monotonic() < self._deadline:
            tries += 1
            pause = self._exchange(final=tries == 1)
            if pause is None and not len(self.queue):
                return
            if pause is not None:
                if not self._answered:
                    return
                time.sleep(max(0.0, min(0.5, self._deadline - time.monotonic())))

    def _exchange(self, *, final: bool = False) -> float | None:
        """Make one post. Returns ``None`` if it was answered, else the least number of seconds to wait."""
        if final or not self._closing.is_set():
            try:
                # Before the first answer nobody knows whether source text may travel: ask first, with an empty post.
                if self._answered or final:
                    self._collect()
            except Exception:
                logger.info("Lineitem's agent could not collect the scheduler's figures.", exc_info=True)
        parcel = self.queue.peek(self._post_bytes, self._post_batches) if self._answered or final else []
        try:
            status, headers, body = self._post(parcel)
        except Exception as error:  # the network, TLS, a proxy: all the same to us
            self._channel.close()
            self.health["post_errors"] += 1
            if self.health["post_errors"] in (1, 10, 100):
                logger.warning(
                    "Lineitem's agent cannot reach %s (%s: %s). Work goes on; telemetry waits in memory.",
                    self.config.server,
                    type(error).__name__,
                    error,
                )
            return 0.0
        return self._handle(status, headers, body, parcel)

    def _handle(self, status: int, headers: Any, body: bytes, parcel: list[bytes]) -> float | None:
        if status == 200:
            answer = read_object(body, "accepted")
            if answer is not None:
                self._answered = True
                self._refusals = 0
                self.health["posts"] += 1
                self.queue.remove(parcel)
                self._post_bytes = min(MAX_POST_BYTES, self._post_bytes * 2)
                self._post_batches = min(MAX_POST_BATCHES, self._post_batches * 2)
                self._note_rejected(answer)
                self._on_answer(answer)
                return None
        self.health["post_errors"] += 1
        if status in (401, 403):
            self._refusals += 1
            if self._refusals >= _REFUSALS and not self._renew():
                self.refused = True
                self.queue.clear()
                logger.error(
                    "The Lineitem server refuses this cluster's agent (HTTP %d). Telemetry stops; work goes on. %s",
                    status,
                    "Call lineitem.watch() again to get a new token."
                    if self.config.watched
                    else "Start a new cluster to get a new token.",
                )
            return 0.0
        self._refusals = 0
        if status == 413:
            if len(parcel) <= 1:
                self.queue.remove(parcel)
                self.health["rejected"] += len(parcel)
            self._post_bytes = max(1 << 16, self._post_bytes // 2)
            self._post_batches = max(1, len(parcel) // 2)
            return None if parcel else 0.0
        if self.health["post_errors"] in (1, 10, 100):
            logger.warning("The Lineitem server answers HTTP %d to telemetry. It waits in memory.", status)
        return retry_after(headers)

    def _renew(self) -> bool:
        """Get a new token for a watched cluster, where this process may ask for one; tell whether to go on."""
        if self.config.renew is None:
            return False
        try:
            config = self.config.renew()
        except OSError as error:  # not now; the next refusal asks again
            logger.info("Lineitem's agent could not announce this cluster again: %s", error)
            return True
        except Exception:
            logger.warning("Lineitem's agent could not announce this cluster again.", exc_info=True)
            return False
        # Another cluster's books cannot be gone on with: the batches that wait are this one's.
        if config is None or config.cluster != self.config.cluster:
            return False
        self.config = config
        self._refusals = 0
        logger.info("Lineitem's agent has a new token for %s.", config.cluster)
        return True

    def _note_rejected(self, answer: dict[str, Any]) -> None:
        rejected = answer.get("rejected") or []
        if rejected:
            self.health["rejected"] += len(rejected)
            first = rejected[0] if isinstance(rejected[0], dict) else {}
            logger.warning(
                "The Lineitem server rejected %d batches, the first one because: %s",
                len(rejected),
                str(first.get("message", ""))[:300],
            )

    # -- HTTP -------------------------------------------------------------------------------------------------------

    def _post(self, parcel: list[bytes]) -> tuple[int, Any, bytes]:
        token = self.config.read_token()
        if not token:
            raise OSError("the agent's token cannot be read")
        plain = msgpack.packb({"v": 1, "agent": self._version, "batches": parcel})
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/msgpack",
            "User-Agent": f"lineitem-agent/{self._version}",
        }
        body: bytes = plain
        if len(plain) > 200:
            body = gzip.compress(body, 6)
            headers["Content-Encoding"] = "gzip"
        timeout = min(_TIMEOUT_S, max(0.2, self._deadline - time.monotonic()))
        # Sending a batch twice is harmless.
        answer = self._channel.post(PATH, body, headers, timeout)
        self.health["post_bytes"] += len(body)
        return answer
