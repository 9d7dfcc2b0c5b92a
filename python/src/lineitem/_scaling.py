"""Which workers go, and in what order data, server and workers are told."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from distributed.core import Status
from distributed.deploy.adaptive import Adaptive

from lineitem._exceptions import LineitemError

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet


class LineitemAdaptive(Adaptive):
    """Dask's adaptive scaling for a server that replaces workers which go unasked.

    Dask's own closes the workers and then tells the cluster; here the cluster moves the data, tells the server, and then
    closes them.
    """

    async def adapt(self) -> None:
        """Look at the load once; while the cluster closes, a lost connection is no news."""
        try:
            await super().adapt()
        except (OSError, LineitemError):
            if self.cluster.status == Status.running:
                raise

    async def scale_up(self, n: int) -> None:  # type: ignore[override]
        """Bring the number of workers up to n."""
        await self.cluster._scale(n)  # type: ignore[attr-defined]

    async def scale_down(self, workers: Collection[str]) -> None:  # type: ignore[override]
        """Let workers go, by name."""
        if workers:
            await self.cluster.scale_down(workers)  # type: ignore[attr-defined]


async def choose(scheduler: Any, surplus: int, wanted: AbstractSet[str], observed: AbstractSet[str]) -> list[str]:
    """Choose the workers to go: those that are not up yet, then those that Dask misses least.

    Parameters
    ----------
    scheduler : rpc
        Connection to the scheduler.
    surplus : int
        How many are to go.
    wanted, observed : set of str
        Names of the workers that should be there, and of those that are.
    """
    going = sorted(wanted - observed, key=_age, reverse=True)[:surplus]
    left = surplus - len(going)
    if left:
        idle = await scheduler.workers_to_close(n=left, attribute="name")
        going += [name for name in map(str, idle) if name in wanted and name not in going][:left]
    # Dask names none that run long tasks; but so many are to go: the newest, as the server would choose.
    rest = sorted(wanted - set(going), key=_age, reverse=True)
    return going + rest[: surplus - len(going)]


async def close_workers(scheduler: Any, addresses: list[str]) -> None:
    """Close workers whose data has moved, and those whose data has nowhere to go: ``scale(0)`` was asked for.

    Parameters
    ----------
    scheduler : rpc
        Connection to the scheduler.
    addresses : list of str
        Dask addresses of the workers.
    """
    # A worker or the scheduler may be gone before it answers; the server ends what is left.
    with suppress(OSError):
        closed = await scheduler.retire_workers(workers=addresses, remove=True, close_workers=True)
        left = [address for address in addresses if address not in closed]
        if left:
            await scheduler.broadcast(msg={"op": "terminate"}, workers=left, on_error="ignore")


def _age(name: str) -> tuple[int, str]:
    number = name.rpartition("-")[2]
    return (int(number) if number.isdecimal() else 0, name)
