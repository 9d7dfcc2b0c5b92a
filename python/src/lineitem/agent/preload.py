"""Entry point on the scheduler: usable as a Dask preload module, better through ``lineitem.agent.INLINE_PRELOAD``."""

from __future__ import annotations

import logging
from typing import Any

from lineitem.agent._config import read_config

logger = logging.getLogger("lineitem.agent")

_ATTRIBUTE = "_lineitem_agent"


def dask_setup(scheduler: Any) -> None:
    """Start the agent on a scheduler. It never raises: without an agent the cluster works all the same.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``. Anything else (a worker, a client) is left alone.
    """
    try:
        config = read_config()
        if isinstance(config, str):
            logger.info("No telemetry for Lineitem: %s.", config)
            return
        from distributed import Scheduler

        if not isinstance(scheduler, Scheduler) or hasattr(scheduler, _ATTRIBUTE):
            return
        from lineitem.agent._scheduler import LineitemSchedulerPlugin

        plugin = LineitemSchedulerPlugin(scheduler, config)
        setattr(scheduler, _ATTRIBUTE, plugin)
        plugin.install()
        logger.info("Lineitem's agent reports to %s for %s.", config.server, config.cluster)
    except Exception:
        logger.warning(
            "Lineitem's agent could not start: this cluster works, but its cost stays without detail.", exc_info=True
        )


async def dask_teardown(scheduler: Any) -> None:
    """Send what is left. The plugin does the same when Dask closes it; the second call does nothing."""
    plugin = getattr(scheduler, _ATTRIBUTE, None)
    if plugin is not None:
        await plugin.close()
