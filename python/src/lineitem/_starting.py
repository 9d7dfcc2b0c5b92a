"""From a cluster that has been asked for to one that can be connected to."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import dask.config

from lineitem._exceptions import (
    ClusterFailed,
    ClusterStartTimeout,
    Conflict,
    LineitemError,
    ServerUnreachable,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem._async_client import AsyncLineitem
    from lineitem._models import ClusterInfo, Credentials

logger = logging.getLogger("lineitem")

_FIRST_POLL = 0.05
_LONGEST_POLL = 0.2
# A server that is being restarted while a cluster comes up is waited for; one that is gone is not.
_PATIENCE = 20.0
_LOG_TAIL = 4096
_NFRAMES = "distributed.diagnostics.computations.nframes"


async def wait_for_scheduler(
    api: AsyncLineitem, info: ClusterInfo, timeout: float, learn: Callable[[ClusterInfo], None]
) -> Credentials:
    """Poll until the scheduler can be connected to; workers may come later.

    Parameters
    ----------
    api : AsyncLineitem
        The server.
    info : ClusterInfo
        The cluster as it was last seen.
    timeout : float
        Seconds to wait.
    learn : callable
        Called with what the server says, each time.
    """
    begin = last_answer = time.monotonic()
    pause = _FIRST_POLL
    while True:
        try:
            info = await api.get_cluster(info.id)
            learn(info)
            last_answer = time.monotonic()
            if info.ended or info.target == "stopped":
                outcome = "did not start" if info.started_at is None else "has ended"
                raise ClusterFailed(
                    f"Cluster {info.name} {outcome}: {why_ended(info)}.",
                    cluster_id=info.id,
                    reason=info.reason,
                    logs=await _log_tail(api, info.id),
                )
            if info.scheduler_address:
                return await api.credentials(info.id)
        except Conflict:
            logger.debug("The scheduler of %s went away again while it was connected to", info.id)
        except (ServerUnreachable, Unavailable):
            if time.monotonic() - last_answer > _PATIENCE:
                raise
        if time.monotonic() - begin > timeout:
            raise ClusterStartTimeout(
                f"The scheduler of cluster {info.name} was not up after {timeout:g} s. Give it longer by "
                "lineitem.cluster.start-timeout if its environment is slow to load.",
                cluster_id=info.id,
                logs=await _log_tail(api, info.id),
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_POLL)


def why_ended(info: ClusterInfo) -> str:
    """Return why a cluster has ended or is about to, without a full stop."""
    return (info.reason or f"it is {info.status}").rstrip(".")


def send_submission_lines() -> None:
    """Let Dask clients of this process say which lines ask for work, unless the user has decided about it.

    It stays so after the cluster has ended: a client may go on with another one, and nothing else reads it.
    """
    frames = dask.config.get("lineitem.submission-frames", 0)
    if frames and not dask.config.get(_NFRAMES, 0):
        dask.config.set({_NFRAMES: frames})


async def _log_tail(api: AsyncLineitem, cluster_id: str) -> str:
    try:
        logs = await api.logs(cluster_id, tail_bytes=_LOG_TAIL)
    except LineitemError:
        return ""  # the reason is worth more than a second error
    return "\n".join(f"[{log.name}]\n{log.text.rstrip()}" for log in logs.items[:4] if log.text.strip())
