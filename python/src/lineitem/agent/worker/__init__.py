"""What runs inside workers. It travels there by value, together with ``common``, and imports nothing else of the package.

========================  ==========================================================================
``_plugin``               the hooks on a worker, its measuring thread and its reports
``_ledger``               exact slot-time: conservation by construction
``_sampler``              where the threads stood
``_taps``, ``_lookout``   when to look and how to come by the GIL; what one look sees
``_calls``, ``_native``   work without a task or a thread of its own; CPU beyond the tasks' threads
``_facts``                what Dask knows about a worker and its tasks
``_resources``, ``_nvml`` memory, CPU, transfers, storage; GPUs
``_window``, ``_merge``   one window of one worker as bytes; two of them as one
``_outbox``               batches until the scheduler has them
========================  ==========================================================================
"""

from __future__ import annotations
