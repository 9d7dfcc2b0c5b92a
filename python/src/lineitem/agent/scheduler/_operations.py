"""What clients ask of the agent on a scheduler: who it is, and to report now."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

from lineitem.agent import AGENT_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lineitem.agent.common._config import AgentConfig
    from lineitem.agent.common._guard import Guard
    from lineitem.agent.scheduler._transport import Transport

FLUSH_S = 5.0
_WORKERS_S = 3.5  # a worker gives up after three


class Operations:
    """The scheduler's handlers ``lineitem_hello`` and ``lineitem_flush``, and the word in its identity.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``.
    config
        Which cluster this is.
    epoch
        Id of this life of the agent: a client that sees another one sends anew what this one cannot know.
    transport
        Posts to the server.
    guard
        Counts errors.
    take
        Takes in batches that workers answered with.
    """

    def __init__(
        self,
        scheduler: Any,
        config: AgentConfig,
        *,
        epoch: str,
        transport: Transport,
        guard: Guard,
        take: Callable[[Iterable[bytes]], None],
    ) -> None:
        self._scheduler = scheduler
        self._config = config
        self._epoch = epoch
        self._transport = transport
        self._guard = guard
        self._take = take
        self._identity: Any = None

    def install(self) -> None:
        """Add the handlers."""
        handlers = self._scheduler.handlers
        handlers["lineitem_hello"] = self.hello
        handlers["lineitem_flush"] = self.flush
        original = self._identity = handlers.get("identity")
        if original is None:
            return
        word = {"agent": AGENT_VERSION, "cluster": self._config.cluster, "epoch": self._epoch}

        @functools.wraps(original)
        def identity(*args: Any, **kwargs: Any) -> Any:
            found = original(*args, **kwargs)
            if isinstance(found, dict):
                found["lineitem"] = word
            return found

        handlers["identity"] = identity

    def uninstall(self) -> None:
        """Take the handlers out."""
        handlers = self._scheduler.handlers
        handlers.pop("lineitem_hello", None)
        handlers.pop("lineitem_flush", None)
        if self._identity is not None:
            handlers["identity"] = self._identity

    async def hello(self, comm: Any = None, **_kwargs: Any) -> dict[str, Any]:
        """Say that there is an agent, and for whom."""
        return {
            "status": "OK",
            "agent": AGENT_VERSION,
            "cluster": self._config.cluster,
            "server": self._config.server,
            "epoch": self._epoch,
        }

    async def flush(self, comm: Any = None, **_kwargs: Any) -> dict[str, Any]:
        """Make all workers report and post at once; answer when the server has acknowledged, or after five seconds."""
        try:
            return {"status": "OK", "complete": await self._flush()}
        except Exception:
            self._guard.failed("flush")
            return {"status": "OK", "complete": False}

    async def _flush(self) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + FLUSH_S
        answered = await self.gather()
        acknowledged = asyncio.Event()
        self._transport.hurry(lambda: loop.call_soon_threadsafe(acknowledged.set))
        try:
            await asyncio.wait_for(acknowledged.wait(), max(0.05, until - loop.time()))
        except asyncio.TimeoutError:
            return False
        return answered

    async def gather(self) -> bool:
        """Make all workers report; tell whether all have answered."""
        return all(await asyncio.gather(*map(self._flush_worker, list(self._scheduler.workers))))

    async def _flush_worker(self, address: str) -> bool:
        try:
            left = await asyncio.wait_for(self._scheduler.rpc(address).lineitem_flush(), _WORKERS_S)
        except (OSError, asyncio.TimeoutError):
            return False
        if isinstance(left, dict):
            return bool(left.get("complete", True))
        if isinstance(left, (list, tuple)):
            self._take(left)
        return True
