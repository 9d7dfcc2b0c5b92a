"""How a cluster was started, as far as its scheduler's process shows: a word for people, on which nothing depends."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LOCAL, JOBQUEUE, KUBERNETES, GATEWAY, CUDA, MANUAL = "local", "jobqueue", "kubernetes", "gateway", "cuda", "manual"

# Packages whose cluster classes keep the scheduler in the user's process, or call it from there.
_BY_PACKAGE = {
    "dask_jobqueue": JOBQUEUE,
    "dask_cuda": CUDA,
    "dask_gateway": GATEWAY,
    "dask_kubernetes": KUBERNETES,
}
_GATEWAY_NAMES = {"DASK_GATEWAY_API_URL", "DASK_GATEWAY_CLUSTER_NAME"}
# Set by the batch system in each of its jobs. JOB_ID alone means nothing; Grid Engine sets both.
_JOB_NAMES = (
    {"SLURM_JOB_ID"},
    {"PBS_JOBID"},
    {"LSB_JOBID"},
    {"JOB_ID", "SGE_TASK_ID"},
    {"OAR_JOB_ID"},
    {"_CONDOR_JOB_AD"},
)
# Names that dask-jobqueue gives its workers, as in SLURMCluster-3 and, with several processes in a job, SLURMCluster-3-1.
_JOB_WORKER = re.compile(r"(?:SLURM|PBS|LSF|SGE|OAR|HTCondor|Moab|Local)Cluster-\d+(?:-\d+)?")
_PROGRAM = re.compile(r"(?:^|[/\\])(?:dask(?:-(?:scheduler|spec))?(?:\.exe)?|(?:dask|distributed)[/\\].*\.py)$")


def recognise(
    environ: Collection[str],
    argv: Sequence[str],
    modules: Collection[str],
    workers: Collection[str] = (),
) -> str:
    """Say how the cluster of a scheduler was started.

    Parameters
    ----------
    environ
        Names of the variables in the scheduler's environment.
    argv
        The command line of its process.
    modules
        Names of the modules loaded there.
    workers
        Names of its workers.

    Returns
    -------
    str
        ``local``, ``jobqueue``, ``kubernetes``, ``gateway``, ``cuda`` or ``manual``.
    """
    names = set(environ)
    if _GATEWAY_NAMES & names or any("dask_gateway.scheduler_preload" in word for word in argv):
        return GATEWAY
    if any(_JOB_WORKER.fullmatch(name) for name in workers):
        return JOBQUEUE
    if argv and _PROGRAM.search(argv[0]):
        if any("dask_cuda" in word for word in argv):
            return CUDA
        if any(job <= names for job in _JOB_NAMES):
            return JOBQUEUE
        return KUBERNETES if "KUBERNETES_SERVICE_HOST" in names else MANUAL
    # The scheduler lives in a program of the user's. Of a pod or a batch job it would say where the program runs, not the cluster.
    if "dask_cuda.local_cuda_cluster" in modules:
        return CUDA
    return JOBQUEUE if "dask_jobqueue.core" in modules else LOCAL


def of_class(cluster: object) -> str:
    """Say how a cluster was started from the class of its cluster object; empty if that does not tell."""
    for cls in type(cluster).__mro__:
        found = _BY_PACKAGE.get(cls.__module__.partition(".")[0])
        if found:
            return found
        if cls.__module__ == "distributed.deploy.local":
            return LOCAL
    return ""


def of_scheduler(scheduler: Any) -> str:
    """Say how the cluster of the scheduler in this process was started."""
    workers = [str(ws.name) for ws in scheduler.workers.values()]
    return recognise(os.environ, sys.argv, sys.modules, workers)
