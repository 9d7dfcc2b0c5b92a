"""The telemetry agent: it runs inside a cluster's scheduler and workers and measures where thread-time goes.

The wire contract is ``docs/telemetry.md``. The agent enters through the scheduler's preload; the scheduler pushes the
worker part to every worker, by value, so that workers need nothing beyond ``distributed``.

========================  ==========================================================================
``preload``               entry point of the scheduler: ``dask_setup``, ``dask_teardown``
``worker_preload``        entry point of workers, where the scheduler's is taken
``_register``             a cluster announces itself to the server
``_arrival``, ``_ship``   how the agent comes onto a scheduler that runs already, and leaves it
``_deployment``           how a cluster was started
``_scheduler``            takes in the workers' batches, makes its own, carries out directives
``_stamps``               stamps each new task with who pays
``_submissions``          who asked for the work, and from which line
``_origins``              which line created it
``_reads``, ``_paths``    what tasks read and write, and where, without secrets
``_lifecycle``            workers that come and go
``_operations``           what clients ask: who is there, and to report now
``_transport``            the only part that talks to the server: a daemon thread of the scheduler
``_queue``, ``_http``     what waits for the server; requests with the standard library
``_push``                 makes the payload that installs the worker part anywhere
``_worker``               the hooks on a worker, its measuring thread and its reports
``_outbox``               a worker's batches until the scheduler has them
``_ledger``               exact slot-time: conservation by construction
``_sampler``, ``_stacks`` where the threads stood, and what those places are called
``_taps``, ``_lookout``   when to look and how to come by the GIL; what one look sees
``_calls``, ``_native``   work without a task or a thread of its own; CPU beyond the tasks' threads
``_batch``, ``_merge``    one window of one worker as bytes; two of them as one
``_facts``                what Dask knows about a worker and its tasks
``_inventory``            what is installed and imported
``_resources``, ``_nvml`` memory, CPU, transfers, storage; GPUs
``_sources``              the text of user code
``_config``, ``_guard``   settings; circuit breakers
========================  ==========================================================================

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
