"""How the agent comes onto a scheduler that Lineitem did not start, and how it leaves; all of it runs in the scheduler's event loop.

Several may want to watch one cluster at the same time: clients, the scheduler's preload, every worker's preload. Who is first
claims it, announces it to the server and installs the agent; the others find the claim, and later the agent.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import uuid
from typing import Any

from distributed import Scheduler

from lineitem.agent import AGENT_VERSION
from lineitem.agent.common._config import AgentConfig, switched_off
from lineitem.agent.common._versions import unsupported
from lineitem.agent.scheduler._cluster import facts, name_deployment

logger = logging.getLogger("lineitem.agent")

#: Tells whoever looks from outside whether this is his own process.
PROCESS = uuid.uuid4().hex

_AGENT = "_lineitem_agent"
_CLAIM = "_lineitem_claim"
_INSTALLS = "_lineitem_installs"
_REPORT = "lineitem_report"
_CLAIM_S = 60.0


def agent_of(scheduler: Any) -> Any:
    """Return the agent on a scheduler, ``None`` if there is none."""
    return getattr(scheduler, _AGENT, None)


def claim(scheduler: Any) -> dict[str, Any]:
    """Claim a scheduler, and say what there is to know about it.

    Returns
    -------
    dict
        ``state`` is ``claimed``, ``agent`` (there is one: ``cluster``, ``server``, ``watched``, ``refused``), ``busy`` (somebody
        else is about to install one) or ``refused`` with a ``reason``.
    """
    agent = agent_of(scheduler)
    if agent is not None:
        config = agent.transport.config
        refused = bool(agent.transport.refused)
        here = {
            "state": "agent",
            "cluster": config.cluster,
            "server": config.server,
            "watched": config.watched,
            "refused": refused,
        }
        if not (refused and config.watched):
            return here
    if switched_off():
        return {"state": "refused", "reason": "LINEITEM_AGENT is off in the scheduler's environment"}
    reason = unsupported()
    if reason:
        logger.warning("%s: this cluster works, but is not watched.", reason)
        return {"state": "refused", "reason": reason}
    now = time.monotonic()
    if now - getattr(scheduler, _CLAIM, float("-inf")) < _CLAIM_S:
        return {"state": "busy"}
    setattr(scheduler, _CLAIM, now)
    return {"state": "claimed", **facts(scheduler)}


def keep_claim(scheduler: Any) -> None:
    """Keep a claim from running out, while the server is away. From any thread."""
    setattr(scheduler, _CLAIM, time.monotonic())


def release(scheduler: Any) -> None:
    """Give a claim back, after the server could not be reached or said no."""
    if hasattr(scheduler, _CLAIM):
        delattr(scheduler, _CLAIM)


def install(scheduler: Any, config: AgentConfig) -> None:
    """Put the agent onto a scheduler, in the place of one that the server has refused.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``.
    config
        What the server said, or the environment of a process that Lineitem started.
    """
    # Not above: with a Dask that is too old, what the plugin imports may be missing; ``claim`` has refused such a one by now.
    from lineitem.agent.scheduler._plugin import LineitemSchedulerPlugin

    if not isinstance(scheduler, Scheduler):
        return
    agent = agent_of(scheduler)
    if agent is not None:
        if not agent.transport.refused:
            return
        scheduler.remove_plugin(agent.name)
    before = getattr(scheduler, _INSTALLS, 0)
    setattr(scheduler, _INSTALLS, before + 1)
    agent = LineitemSchedulerPlugin(scheduler, dataclasses.replace(config, process=_next_life(config.process, before)))
    setattr(scheduler, _AGENT, agent)
    agent.install()
    release(scheduler)
    logger.info("Lineitem's agent %s reports to %s for %s.", AGENT_VERSION, config.server, config.cluster)


def _next_life(process: str, before: int) -> str:
    """Return a process id with a later generation: ids of submissions must not begin anew within a cluster."""
    stem, _, generation = process.rpartition("-")
    return f"{stem}-{int(generation) + before}" if before and stem and generation.isdecimal() else process


async def leave(scheduler: Any) -> None:
    """Take the agent off a scheduler and its workers, after their last reports."""
    agent = agent_of(scheduler)
    if agent is None:
        return
    await agent.before_close()
    delattr(scheduler, _AGENT)
    scheduler.plugins.pop(agent.name, None)
    scheduler.worker_plugins.pop(agent.name, None)
    # A worker that has not heard of it yet may still report: without a handler that would be a warning in the scheduler's log.
    scheduler.handlers[_REPORT] = _nobody
    try:
        await scheduler.broadcast(msg={"op": "plugin-remove", "name": agent.name}, on_error="ignore")
    finally:
        if scheduler.handlers.get(_REPORT) is _nobody:
            del scheduler.handlers[_REPORT]


async def _nobody(**_kwargs: Any) -> dict[str, Any]:
    """Answer a worker that reports to an agent that has left."""
    return {"status": "gone"}


async def arrive(scheduler: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Carry out an order that came from a client or a worker.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``.
    order
        ``do`` is ``claim``, ``install`` (with ``server``, ``cluster``, ``process``, ``token`` and perhaps
        ``deployment``), ``release`` or ``leave``.

    Returns
    -------
    dict
        ``state``, and what belongs to it.
    """
    do = order["do"]
    if do == "claim":
        return claim(scheduler)
    if do == "install":
        name_deployment(scheduler, str(order.get("deployment", "")))
        server, cluster, process, token = (str(order[name]) for name in ("server", "cluster", "process", "token"))
        install(scheduler, AgentConfig(server=server, cluster=cluster, process=process, token=token, watched=True))
        return {"state": "installed"}
    if do == "leave":
        await leave(scheduler)
        return {"state": "left"}
    release(scheduler)
    return {"state": "released"}
