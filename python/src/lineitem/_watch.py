"""Watching a Dask cluster that Lineitem did not start: :func:`watch` and what it returns."""

from __future__ import annotations

import asyncio
import socket
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urljoin

import dask.config

from lineitem import _config
from lineitem._accounts import know
from lineitem._after import say_at_exit
from lineitem._async_client import AsyncLineitem
from lineitem._exceptions import ClusterError, ConfigurationError, LineitemError, NotFound
from lineitem._sources import cell_texts
from lineitem._starting import send_submission_lines
from lineitem.agent._ship import send
from lineitem.agent.common._config import switched_off
from lineitem.agent.common._deployment import of_class
from lineitem.agent.common._versions import unsupported

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lineitem._bill import Bill
    from lineitem._models import ClusterInfo

_BUSY_PAUSE = 0.1
_BUSY_S = 15.0
_FLUSH_S = 10.0


class WatchedCluster:
    """A running Dask cluster that a Lineitem server knows and bills; made by :func:`watch`.

    Attributes
    ----------
    id, name : str
        What the server calls it; empty where ``LINEITEM_AGENT=off`` switched watching off.
    url : str
        Its page.
    server : str
        URL of the server.
    deployment : str
        How it was started, as far as that can be seen: ``local``, ``jobqueue``, ``kubernetes``, ``gateway``, ``cuda``, ``manual``.
    watched : bool
        False for a cluster that Lineitem started itself: it is billed anyway.
    """

    def __init__(self, client: Any, target: _config.Target, info: ClusterInfo | None) -> None:
        self._client = client
        self._target = target
        self._sent: set[str] = set()
        self.server = target.server
        self.id = info.id if info else ""
        self.name = info.name if info else ""
        self.url = urljoin(f"{target.server}/", info.url) if info else ""
        self.deployment = info.deployment if info else ""
        self.watched = bool(info and info.watched)
        if self.watched:
            say_at_exit(client, self.id, target)
        else:
            know(client, target)

    def bill(self) -> Any:
        """Return where the cluster's money went so far, line by line; also after it has ended.

        Returns
        -------
        Bill
            With an asynchronous client, to be awaited.
        """
        return self._sync(self._bill)

    def stop(self) -> Any:
        """Stop watching: the agent sends its last figures and leaves scheduler and workers. The cluster itself goes on.

        A cluster that Lineitem started stays as it is.
        """
        return self._sync(self._stop)

    async def _bill(self) -> Bill:
        self._check()
        if self._client.status == "running":
            # What was measured up to now counts too. Agents of older versions cannot be asked.
            with suppress(Exception):
                await asyncio.wait_for(self._client.scheduler.lineitem_flush(), _FLUSH_S)
        async with self._api() as api:
            if dask.config.get("lineitem.source-text", True):
                wanted = set((await api.get_cluster(self.id)).sources_wanted) - self._sent
                for file, text in cell_texts(wanted).items():
                    self._sent.add(file)
                    with suppress(LineitemError):
                        await api.put_source(self.id, file, text)
            return await api.bill(self.id)

    async def _stop(self) -> None:
        if not self.watched:
            return
        if self._client.status != "running":
            raise ClusterError(
                f"The Dask client of {self.name} is closed, so its scheduler cannot be reached; watching goes on until the "
                "cluster ends. Call lineitem.watch(client).stop() with a client that is connected.",
                cluster_id=self.id,
            )
        answer = await send(self._client.scheduler, {"do": "leave"})
        if answer["state"] != "left":
            raise ClusterError(
                f"The agent could not leave {self.name}: {answer.get('reason', answer['state'])}.", cluster_id=self.id
            )

    def _sync(self, call: Any) -> Any:
        # A client that is closed has no event loop any more; a bill can be had all the same.
        if self._client.asynchronous or self._client.status != "running":
            return call() if self._client.asynchronous else _run(call())
        return self._client.sync(call)

    def _check(self) -> None:
        if not self.id:
            raise ConfigurationError("LINEITEM_AGENT is off, so this cluster is not watched and has no bill.")

    def _api(self) -> AsyncLineitem:
        return AsyncLineitem(self._target.server, self._target.token.reveal() if self._target.token else None)

    def __repr__(self) -> str:
        if not self.id:
            return "WatchedCluster(off)"
        return f"WatchedCluster({self.name!r}, {self.url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A WatchedCluster holds a token and is not pickled. Call lineitem.watch() where it is needed.")


def watch(
    client: Any = None,
    *,
    name: str | None = None,
    group: str | None = None,
    server: str | None = None,
    token: str | None = None,
) -> Any:
    """Let a Lineitem server measure and bill a Dask cluster that is running already, whoever started it.

    The cluster is announced to the server, and the agent is put onto its scheduler, from where it reaches all workers, present and
    future. Nothing has to be installed there. Doing it again, also from another client, changes nothing.

    Parameters
    ----------
    client : distributed.Client, optional
        Client of the cluster; else the current one.
    name : str, optional
        Name shown to people; else one made from the scheduler's host.
    group : str, optional
        The group that pays, as for :class:`lineitem.Cluster`. Decided once, by who announces the cluster first.
    server, token : str, optional
        As for :class:`lineitem.Lineitem`. The scheduler has to reach the server too, at the same URL.

    Returns
    -------
    WatchedCluster
        With an asynchronous client, to be awaited.

    Raises
    ------
    ConfigurationError
        If there is no client, or its Dask is older than 2024.9.
    ClusterError
        If the scheduler cannot be given an agent, or has one of another server.

    Notes
    -----
    As for :class:`lineitem.Cluster`, Dask's ``distributed.diagnostics.computations.nframes`` is set for this process, unless you
    have set it. ``LINEITEM_AGENT=off`` in the environment makes this do nothing.

    Examples
    --------
    >>> client = Client("tcp://10.0.0.4:8786")  # doctest: +SKIP
    >>> watched = lineitem.watch(client)  # doctest: +SKIP
    >>> watched.bill()  # doctest: +SKIP
    """
    client = _checked_client(client)
    target = _config.resolve(server, token)

    async def begin() -> WatchedCluster:
        if switched_off():
            return WatchedCluster(client, target, None)
        return await _begin(client, name or "", _config.group(group), target)

    if client.asynchronous:
        return begin()
    return client.sync(begin)


def _checked_client(client: Any) -> Any:
    reason = unsupported()
    if reason:
        raise ConfigurationError(f"{reason.replace('this scheduler', 'this Python')}; nothing was changed.")
    from distributed import Client
    from distributed.client import default_client

    if client is None:
        try:
            client = default_client()
        except ValueError:
            raise ConfigurationError(
                "There is no Dask client in this process; make one first, as in client = Client('tcp://10.0.0.4:8786')."
            ) from None
    if not isinstance(client, Client):
        raise ConfigurationError(
            f"lineitem.watch() takes a distributed.Client, not a {type(client).__name__}; of a cluster object, give it "
            "cluster.get_client(). Nothing was changed."
        )
    return client


async def _begin(client: Any, name: str, group: str, target: _config.Target) -> WatchedCluster:
    if client.status != "running":
        await client
    send_submission_lines()
    async with AsyncLineitem(target.server, target.token.reveal() if target.token else None) as api:
        found = await _claim(client)
        if found["state"] == "agent":
            return WatchedCluster(client, target, await _known(api, found))
        if found["state"] != "claimed":
            raise _not_watched(found.get("reason", found["state"]))
        deployment = of_class(client.cluster) or found["deployment"]
        try:
            answer = await api.watch_cluster(
                found["scheduler_id"],
                found["scheduler_address"],
                name=name,
                deployment=deployment,
                dashboard_url=found["dashboard_url"],
                group=group or str(found.get("group", "")),
            )
        except BaseException:
            with suppress(Exception):
                await send(client.scheduler, {"do": "release"})
            raise
        if target.loopback and found["host"] != socket.gethostname():
            warnings.warn(
                f"The scheduler runs on {found['host']} and is told to report to {target.server}, which means that machine to it. "
                "Give watch() the URL at which the server can be reached from there.",
                stacklevel=2,
            )
        order = {
            "do": "install",
            "server": target.server,
            "cluster": answer.cluster.id,
            "process": answer.process,
            "token": answer.agent_token,
            "deployment": deployment,
        }
        done = await send(client.scheduler, order)
        if done["state"] != "installed":
            raise _not_watched(done.get("reason", done["state"]))
        # The client learns from the scheduler's identity that its graphs should say where they come from. It asks for that every
        # two seconds; the next line of the user's may be sooner.
        with suppress(Exception):
            await client._update_scheduler_info()
        return WatchedCluster(client, target, answer.cluster)


async def _claim(client: Any) -> dict[str, Any]:
    """Claim the scheduler; wait while somebody else is about to install an agent."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        found = await send(client.scheduler, {"do": "claim"})
        if found["state"] != "busy":
            return found
        if time.monotonic() > deadline:
            return {"state": "failed", "reason": "somebody else is announcing it, and gets no answer from the server"}
        await asyncio.sleep(_BUSY_PAUSE)


async def _known(api: AsyncLineitem, found: dict[str, Any]) -> ClusterInfo:
    """Return the cluster of an agent that is there already."""
    try:
        info = await api.get_cluster(found["cluster"])
    except NotFound:
        raise ClusterError(
            f"This Dask cluster is measured already, by an agent that reports to {found['server']}, and {api.server} does not "
            "show that cluster to you. Nothing was changed.",
            cluster_id=found["cluster"],
        ) from None
    if not found["watched"]:
        warnings.warn(
            f"Lineitem itself started this Dask cluster ({info.name}) and measures it already: there is nothing to watch.",
            stacklevel=2,
        )
    return info


def _not_watched(reason: str) -> ClusterError:
    return ClusterError(f"This Dask cluster cannot be watched: {reason}. It goes on as before.", cluster_id="")


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine without a client's event loop; in a thread of its own, because this one may have a loop that runs."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
