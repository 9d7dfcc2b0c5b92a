"""Entry point on workers, for clusters whose scheduler cannot be given a preload: dask-gateway has taken that place.

Whichever worker with a token comes first brings the agent to the scheduler, which then reaches all workers as usual. The user's
token stays on the worker: the scheduler gets one that can write telemetry of this cluster only.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any

from lineitem.agent.common._config import switched_off

if TYPE_CHECKING:
    from lineitem._config import Target

logger = logging.getLogger("lineitem.agent")

_TASK = "_lineitem_bringing"
_LOOK_S = 5.0
_BACKOFF_S = (1.0, 60.0)
_TRIES = 20


def dask_setup(worker: Any) -> None:
    """Begin to bring the agent to the scheduler. It never raises, and never holds up the worker's start.

    Parameters
    ----------
    worker
        The ``distributed.Worker``. Anything else is left alone.
    """
    try:
        if switched_off():
            return
        from distributed import Worker

        from lineitem.agent._register import find_account

        if not isinstance(worker, Worker):
            return
        account = find_account()
        if isinstance(account, str):
            logger.warning("This worker cannot have its cluster watched by Lineitem: %s.", account.rstrip("."))
            return
        # The worker keeps the task, as the event loop does not.
        setattr(worker, _TASK, asyncio.get_running_loop().create_task(_softly(worker, account)))
    except Exception:
        logger.warning("Lineitem's agent could not start from this worker. Tasks are not affected.", exc_info=True)


async def dask_teardown(worker: Any) -> None:
    """Stop trying."""
    task = getattr(worker, _TASK, None)
    if task is not None:
        task.cancel()


async def _softly(worker: Any, account: Target) -> None:
    try:
        await bring(worker.scheduler, account)
    except Exception as error:
        logger.warning("Lineitem's agent could not be brought to the scheduler (%s). Tasks are not affected.", error)


async def bring(scheduler: Any, account: Target) -> None:
    """Bring the agent to a scheduler, unless it has one or somebody else is at it; wait for a server that is away.

    Parameters
    ----------
    scheduler
        An ``rpc`` to it.
    account
        The server and its user's token.
    """
    from lineitem.agent._register import AwayError, RefusedError, announce
    from lineitem.agent._ship import send

    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        found = await send(scheduler, {"do": "claim"})
        if found["state"] == "busy":
            await asyncio.sleep(_LOOK_S)
            continue
        if found["state"] != "claimed":
            if found["state"] != "agent":
                logger.warning("This cluster is not watched by Lineitem: %s.", found.get("reason", ""))
            return
        try:
            config = await loop.run_in_executor(None, announce, account, found)
        except RefusedError as error:
            logger.warning("The Lineitem server does not watch this cluster: %s Work goes on.", error)
            await send(scheduler, {"do": "release"})
            return
        except AwayError as error:
            await send(scheduler, {"do": "release"})
            if not failures:
                logger.warning("Lineitem's agent cannot reach %s (%s). Work goes on unwatched.", account.server, error)
            failures += 1
            if failures > _TRIES:
                return
            low, high = _BACKOFF_S
            pause = min(high, low * 2 ** (failures - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load
            await asyncio.sleep(max(error.wait, pause))
            continue
        order = {"do": "install", "server": config.server, "cluster": config.cluster, "process": config.process}
        await send(scheduler, {**order, "token": config.read_token()})
        return
