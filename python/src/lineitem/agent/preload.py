"""Entry point on the scheduler: usable as a Dask preload module, better through ``lineitem.agent.INLINE_PRELOAD``.

A cluster that Lineitem started is told who it is by its environment. Any other announces itself, with the token of ``lineitem
login`` or ``LINEITEM_TOKEN``; without one it stays as it is.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from lineitem.agent.common._config import AgentConfig, read_config, switched_off

if TYPE_CHECKING:
    from lineitem._config import Target

logger = logging.getLogger("lineitem.agent")

_REGISTRAR = "_lineitem_registrar"


def dask_setup(scheduler: Any) -> None:
    """Start the agent on a scheduler. It never raises: without an agent the cluster works all the same.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``. Anything else (a worker, a client) is left alone.
    """
    try:
        if switched_off():
            logger.info("No telemetry for Lineitem: LINEITEM_AGENT is off.")
            return
        from distributed import Scheduler

        from lineitem.agent.scheduler import _arrival

        if not isinstance(scheduler, Scheduler) or _arrival.agent_of(scheduler) is not None:
            return
        if not os.environ.get("LINEITEM_CLUSTER"):
            _announce(scheduler)
            return
        config = read_config()
        if isinstance(config, str):
            logger.info("No telemetry for Lineitem: %s.", config)
            return
        _arrival.install(scheduler, config)
    except Exception:
        logger.warning(
            "Lineitem's agent could not start: this cluster works, but its cost stays without detail.", exc_info=True
        )


async def dask_teardown(scheduler: Any) -> None:
    """Send what is left. The plugin does the same when Dask closes it; the second call does nothing."""
    registrar = getattr(scheduler, _REGISTRAR, None)
    if registrar is not None:
        registrar.close()
    plugin = getattr(scheduler, "_lineitem_agent", None)
    if plugin is not None:
        await plugin.close()


def _announce(scheduler: Any) -> None:
    """Announce this cluster from a thread; what measures it is installed once the server has answered."""
    from lineitem.agent._register import Registrar, find_account
    from lineitem.agent.scheduler import _arrival

    account: Target | str = find_account()
    if isinstance(account, str):
        logger.warning("This cluster is not watched by Lineitem: %s.", account.rstrip("."))
        return
    claimed = _arrival.claim(scheduler)
    if claimed["state"] != "claimed":
        return  # claim has said why
    from lineitem._starting import send_submission_lines

    send_submission_lines()  # Where the scheduler lives in the user's program, its clients do too.
    loop = scheduler.loop.asyncio_loop

    def later(call: Any, *args: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call, *args)

    def install(config: AgentConfig) -> None:
        try:
            if scheduler.status.name not in ("closing", "closed"):
                _arrival.install(scheduler, config)
        except Exception:
            logger.warning("Lineitem's agent could not start: this cluster works, but is not watched.", exc_info=True)

    registrar = Registrar(
        account,
        claimed,
        on_config=lambda config: later(install, config),
        on_refused=lambda: later(_arrival.release, scheduler),
        on_try=lambda: _arrival.keep_claim(scheduler),
    )
    setattr(scheduler, _REGISTRAR, registrar)
    registrar.start()
