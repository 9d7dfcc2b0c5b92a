"""What a cluster is, as its scheduler knows it. This must be importable with a Dask that is too old for the agent."""

from __future__ import annotations

import os
import platform
import socket
from typing import Any

import distributed

from lineitem.agent.common._deployment import of_scheduler

_DEPLOYMENT = "_lineitem_deployment"


def facts(scheduler: Any) -> dict[str, Any]:
    """Return what the server wants to know of a scheduler."""
    dashboard = scheduler.services.get("dashboard")
    address = str(scheduler.address)
    # A scheduler that is reached within its process only has no host in its address.
    host = address.rpartition("//")[2].rpartition(":")[0] if address.startswith(("tcp:", "tls:", "ws:", "wss:")) else ""
    return {
        "scheduler_id": str(scheduler.id),
        "scheduler_address": address,
        "dashboard_url": f"http://{host or '127.0.0.1'}:{dashboard.port}/status" if dashboard is not None else "",
        "deployment": getattr(scheduler, _DEPLOYMENT, "") or of_scheduler(scheduler),
        "group": os.environ.get("LINEITEM_GROUP", ""),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "distributed": str(distributed.__version__),
    }


def name_deployment(scheduler: Any, deployment: str) -> None:
    """Remember how a cluster was started: who holds the cluster object knows better than what its scheduler's process looks like."""
    setattr(scheduler, _DEPLOYMENT, deployment)
