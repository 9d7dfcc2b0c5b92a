"""How a cluster was started, told from environments as they were recorded or as each project documents them.

Run for real in this repository: LocalCluster, `dask scheduler`, `dask spec` (tests/agent, tests/integration) and dask-jobqueue's
LocalCluster. The names for Slurm, PBS, LSF, Grid Engine, OAR and HTCondor jobs, Kubernetes, dask-gateway and dask-cuda follow
their documentation.
"""

from __future__ import annotations

from typing import Any

import pytest

from lineitem.agent.common._deployment import of_class, recognise

DASK = ["/opt/conda/bin/dask", "scheduler", "--port", "8786"]
MODULE = ["/opt/conda/lib/python3.11/site-packages/dask/__main__.py", "scheduler"]
CLI = ["/opt/conda/lib/python3.11/site-packages/distributed/cli/dask_spec.py", "--spec", "{}"]
KERNEL = ["/opt/conda/lib/python3.11/site-packages/ipykernel_launcher.py", "-f", "kernel.json"]
SCRIPT = ["flights.py"]
POD = {"KUBERNETES_SERVICE_HOST", "KUBERNETES_PORT", "HOSTNAME"}


@pytest.mark.parametrize(
    ("environ", "argv", "modules", "workers", "expected"),
    [
        pytest.param(set(), SCRIPT, {"distributed.deploy.local"}, ["0", "1"], "local", id="LocalCluster"),
        pytest.param(POD, KERNEL, set(), ["0"], "local", id="LocalCluster in JupyterHub on Kubernetes"),
        pytest.param({"SLURM_JOB_ID"}, SCRIPT, set(), ["0"], "local", id="LocalCluster in a batch job"),
        pytest.param(set(), [""], set(), [], "local", id="python prompt"),
        pytest.param(set(), [], set(), [], "local", id="embedded"),
        pytest.param(set(), DASK, set(), ["tcp://10.0.0.1:1"], "manual", id="dask scheduler"),
        pytest.param(set(), MODULE, set(), [], "manual", id="python -m dask scheduler"),
        pytest.param(set(), CLI, set(), [], "manual", id="dask spec"),
        pytest.param(set(), ["C:\\Python\\Scripts\\dask.exe", "scheduler"], set(), [], "manual", id="Windows"),
        pytest.param(set(), ["/usr/bin/dask-scheduler"], set(), [], "manual", id="dask-scheduler"),
        pytest.param({"JOB_ID"}, DASK, set(), [], "manual", id="a JOB_ID of somebody's own"),
        pytest.param(
            {"SLURM_JOB_ID", "SLURM_NTASKS", "SLURM_PROCID"}, DASK, set(), [], "jobqueue", id="srun dask scheduler"
        ),
        pytest.param({"PBS_JOBID", "PBS_O_HOST"}, DASK, set(), [], "jobqueue", id="PBS"),
        pytest.param({"LSB_JOBID"}, DASK, set(), [], "jobqueue", id="LSF"),
        pytest.param({"JOB_ID", "SGE_TASK_ID", "QUEUE"}, DASK, set(), [], "jobqueue", id="Grid Engine"),
        pytest.param(
            set(), KERNEL, {"dask_jobqueue", "dask_jobqueue.core"}, [], "jobqueue", id="SLURMCluster, no jobs yet"
        ),
        pytest.param(set(), KERNEL, set(), ["SLURMCluster-0", "SLURMCluster-1"], "jobqueue", id="SLURMCluster"),
        pytest.param(set(), SCRIPT, set(), ["PBSCluster-0-3"], "jobqueue", id="PBSCluster with processes"),
        pytest.param(
            {*POD, "DASK_SCHEDULER_ADDRESS"},
            DASK,
            set(),
            ["default-worker-1a2b"],
            "kubernetes",
            id="dask-kubernetes operator",
        ),
        pytest.param(POD, DASK, set(), ["dask-worker-7d9c"], "kubernetes", id="Helm chart"),
        pytest.param(
            {*POD, "DASK_GATEWAY_API_URL", "DASK_GATEWAY_CLUSTER_NAME", "DASK_GATEWAY_API_TOKEN"},
            [*DASK, "--preload", "dask_gateway.scheduler_preload"],
            set(),
            [],
            "gateway",
            id="dask-gateway on Kubernetes",
        ),
        pytest.param(
            {"SLURM_JOB_ID"},
            [*DASK, "--preload", "dask_gateway.scheduler_preload"],
            set(),
            [],
            "gateway",
            id="gateway on Slurm",
        ),
        pytest.param(
            set(), SCRIPT, {"dask_cuda", "dask_cuda.local_cuda_cluster"}, ["0"], "cuda", id="LocalCUDACluster"
        ),
        pytest.param(
            set(), [*DASK, "--preload", "dask_cuda.initialize"], set(), [], "cuda", id="dask-cuda's scheduler"
        ),
    ],
)
def test_recorded_processes(
    environ: set[str], argv: list[str], modules: set[str], workers: list[str], expected: str
) -> None:
    assert recognise(environ, argv, modules, workers) == expected


def a_class(module: str, *bases: type) -> Any:
    return type("Cluster", bases, {"__module__": module})


@pytest.mark.parametrize(
    ("module", "base", "expected"),
    [
        ("distributed.deploy.local", "distributed.deploy.spec", "local"),
        ("dask_jobqueue.slurm", "dask_jobqueue.core", "jobqueue"),
        ("dask_jobqueue.local", "dask_jobqueue.core", "jobqueue"),
        ("dask_kubernetes.operator.kubecluster.kubecluster", "distributed.deploy.cluster", "kubernetes"),
        ("dask_gateway.client", "builtins", "gateway"),
        ("dask_cuda.local_cuda_cluster", "distributed.deploy.local", "cuda"),
        ("our_site.clusters", "dask_jobqueue.slurm", "jobqueue"),
        ("distributed.deploy.ssh", "distributed.deploy.spec", ""),
        ("lineitem._cluster", "distributed.deploy.cluster", ""),
    ],
)
def test_classes(module: str, base: str, expected: str) -> None:
    assert of_class(a_class(module, a_class(base))()) == expected


def test_no_cluster_object() -> None:
    assert of_class(None) == ""
