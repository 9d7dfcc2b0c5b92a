"""The telemetry agent: it runs inside a cluster's scheduler and workers and measures where thread-time goes.

The wire contract is ``docs/telemetry.md``. The agent enters through the scheduler's preload; the scheduler pushes the
worker part to every worker, by value, so that workers need nothing beyond ``distributed``.

Three rooms, and the entrance before them; each room's own text lists what is in it.

=====================  =========================================  =====================================
room                   runs in                                    may import
=====================  =========================================  =====================================
``common``             the scheduler, workers, clients            nothing else of the package
``worker``             workers, sent by value                     ``common``
``scheduler``          the scheduler, also sent as text           ``common``; its ``_push`` also ``worker``
the entrance (here)    processes that have the package            everything
=====================  =========================================  =====================================

The entrance: ``preload`` is where schedulers begin, ``worker_preload`` where workers do whose scheduler's preload is taken,
``_register`` announces a cluster to the server, and ``_ship`` brings the agent to a scheduler without the package. What lies
in a room can travel; what lies here stays, as it reaches for credentials. The rest of the package uses the entrance and
``common`` only. ``tests/unit/test_rooms.py`` holds all of this.

Nothing here may raise into Dask or user code, block an event loop, or keep memory without bound.
"""

from __future__ import annotations

AGENT_VERSION = "0.1.0"

#: Text for Dask's ``distributed.scheduler.preload``. A preload *module* that cannot be imported keeps a scheduler from
#: starting; this text only logs a line.
INLINE_PRELOAD = """\
def dask_setup(scheduler):
    try:
        from lineitem.agent import preload
        preload.dask_setup(scheduler)
    except Exception:
        import logging
        logging.getLogger("lineitem.agent").warning(
            "Lineitem's agent could not start: this cluster works, but its cost stays without detail.", exc_info=True)
"""
