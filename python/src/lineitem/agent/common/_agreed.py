"""What scheduler and workers have agreed on: names that the one gives and the other looks for."""

from __future__ import annotations

import re

#: The name of both plugins in Dask.
PLUGIN_NAME = "lineitem-agent"
#: The annotation by which the scheduler says who pays for a task.
STAMP_KEY = "lineitem"


def watched_process_id(cluster: str, name: object, server_id: str) -> str:
    """Make the process id of a worker that Lineitem did not start, the same on the worker and on its scheduler.

    Parameters
    ----------
    cluster
        Id of the cluster.
    name
        The worker's name in Dask: any text, a number, or its address.
    server_id
        Dask's id of the worker.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", str(name))[:60]
    return f"{cluster}-{plain}-{server_id[-8:]}"
