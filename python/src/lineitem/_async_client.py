"""The thin client of the REST API for event loops: one method for each route."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import httpx

from lineitem import _frames, _routes
from lineitem._base import Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    import pandas as pd
    import pyarrow as pa
    from typing_extensions import Self

    from lineitem._bill import Bill
    from lineitem._costs import (
        CostBreakdown,
        CostList,
        LedgerMonthList,
        LedgerSummary,
    )
    from lineitem._models import (
        ClusterInfo,
        ClusterList,
        Credentials,
        Environment,
        EventList,
        LogsList,
        Me,
        PackageList,
        ProcessList,
        RateCard,
        ReadList,
        Receipt,
        ResourceList,
        Source,
        SourceList,
        SubmissionList,
        Timeline,
        Token,
        TokenList,
        WatchAnswer,
    )
    from lineitem._overview import Overview, Report
    from lineitem._routes import Call
    from lineitem._sql import SQLResult

T = TypeVar("T")


class AsyncLineitem(Base):
    """A client of a Lineitem server's REST API for use in an event loop; see :class:`Lineitem`.

    Parameters
    ----------
    server, token, timeout
        As for :class:`Lineitem`.
    transport : httpx.AsyncBaseTransport, optional
        Replaces the network, for tests.
    """

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        timeout: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(server, token, timeout)
        self._http = httpx.AsyncClient(transport=transport, **self._settings())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, call: Call[T]) -> T:
        """Send one call, trying again where that is safe, and return its answer."""
        self._check(call)
        attempt = 0
        while True:
            try:
                response = await self._http.request(**self._request(call))
            except httpx.TransportError as error:
                pause = self._pause(call, attempt, error)
                if pause is None:
                    raise self._unreachable(call, error) from error
            else:
                pause = self._pause(call, attempt, response)
                if pause is None:
                    return self._read(call, response)
            await asyncio.sleep(pause)
            attempt += 1

    async def me(self) -> Me:
        """Return who the caller is, and what server this is."""
        return await self.send(_routes.me())

    async def create_token(self, name: str, *, code: str | None = None, expires_in_seconds: int = 0) -> Token:
        """Make an API token, as the caller or with a one-time sign-in code; its secret is in this answer and never again."""
        return await self.send(_routes.create_token(name, code, expires_in_seconds))

    async def list_tokens(self) -> TokenList:
        """Return the caller's API tokens."""
        return await self.send(_routes.list_tokens())

    async def delete_token(self, token_id: str) -> None:
        """Revoke one of the caller's API tokens."""
        await self.send(_routes.delete_token(token_id))

    async def create_cluster(
        self,
        n_workers: int,
        *,
        nthreads: int = 0,
        memory_bytes: int = 0,
        python: str = "",
        env: Mapping[str, str] | None = None,
        name: str = "",
        backend: str = "",
        group: str = "",
    ) -> ClusterInfo:
        """Ask for a cluster and return it while it starts; what is 0 or empty is up to the server."""
        return await self.send(
            _routes.create_cluster(
                n_workers,
                nthreads=nthreads,
                memory_bytes=memory_bytes,
                python=python,
                env=env,
                name=name,
                backend=backend,
                group=group,
            )
        )

    async def list_clusters(
        self, statuses: Sequence[str] = (), *, limit: int | None = None, cursor: str = ""
    ) -> ClusterList:
        """Return one page of clusters, newest first; ``next_cursor`` of the answer fetches the next."""
        return await self.send(_routes.list_clusters(statuses, limit, cursor))

    async def get_cluster(self, cluster_id: str) -> ClusterInfo:
        """Return a cluster, by its id or the name of a live cluster of the caller."""
        return await self.send(_routes.get_cluster(cluster_id))

    async def scale_cluster(self, cluster_id: str, n_workers: int, *, remove: Sequence[str] = ()) -> ClusterInfo:
        """Set how many workers are wanted; when the number shrinks, the workers named in ``remove`` go first."""
        return await self.send(_routes.scale_cluster(cluster_id, n_workers, remove))

    async def stop_cluster(self, cluster_id: str) -> ClusterInfo:
        """Stop a cluster; again, and on an ended one, it changes nothing."""
        return await self.send(_routes.stop_cluster(cluster_id))

    async def credentials(self, cluster_id: str) -> Credentials:
        """Return what a Dask client needs to connect: the right to run code in the cluster."""
        return await self.send(_routes.credentials(cluster_id))

    async def processes(self, cluster_id: str) -> ProcessList:
        """Return the scheduler and the workers, all their runs."""
        return await self.send(_routes.processes(cluster_id))

    async def events(self, cluster_id: str, *, limit: int | None = None) -> EventList:
        """Return what happened to the cluster, newest first."""
        return await self.send(_routes.events(cluster_id, limit))

    async def logs(self, cluster_id: str, *, process: str | None = None, tail_bytes: int | None = None) -> LogsList:
        """Return the output of all processes or of one, also after their end."""
        return await self.send(_routes.logs(cluster_id, process, tail_bytes))

    async def bill(self, cluster_id: str) -> Bill:
        """Return where the cluster's money went."""
        return await self.send(_routes.bill(cluster_id))

    async def timeline(self, cluster_id: str, *, bins: int | None = None) -> Timeline:
        """Return what the workers did over time."""
        return await self.send(_routes.timeline(cluster_id, bins))

    async def submissions(self, cluster_id: str) -> SubmissionList:
        """Return who asked the cluster for what, newest first, and what it cost."""
        return await self.send(_routes.submissions(cluster_id))

    async def reads(self, cluster_id: str) -> ReadList:
        """Return what the cluster read and wrote, dearest first."""
        return await self.send(_routes.reads(cluster_id))

    async def receipt(self, cluster_id: str, *, since: datetime | None = None, client: str = "") -> Receipt:
        """Return what the cluster cost since a moment, and what of it was the work of one Dask client."""
        return await self.send(_routes.receipt(cluster_id, since, client))

    async def resources(self, cluster_id: str, *, bins: int | None = None) -> ResourceList:
        """Return what the processes used over time: CPU, memory, transfers, disks, GPUs."""
        return await self.send(_routes.resources(cluster_id, bins))

    async def watch_cluster(
        self,
        scheduler_id: str,
        scheduler_address: str,
        *,
        name: str = "",
        deployment: str = "",
        method: str = "",
        dashboard_url: str = "",
        group: str = "",
    ) -> WatchAnswer:
        """Announce a cluster that Lineitem did not start; announcing it again gives the same one, and a new token."""
        return await self.send(
            _routes.watch_cluster(
                scheduler_id,
                scheduler_address,
                name=name,
                deployment=deployment,
                method=method,
                dashboard_url=dashboard_url,
                group=group,
            )
        )

    async def packages(self, *, name: str = "", version: str = "", grade: str = "", cluster: str = "") -> PackageList:
        """Return who has which package: ``version`` is a PEP 440 range, ``grade`` the least of installed, imported, seen."""
        return await self.send(_routes.packages(name, version, grade, cluster))

    async def environment(self, environment_id: str) -> Environment:
        """Return one set of installed software."""
        return await self.send(_routes.environment(environment_id))

    async def list_sources(self, cluster_id: str) -> SourceList:
        """Return the files of user code in the bill, without their texts."""
        return await self.send(_routes.list_sources(cluster_id))

    async def get_source(self, cluster_id: str, file: str) -> Source:
        """Return one file of user code."""
        return await self.send(_routes.get_source(cluster_id, file))

    async def put_source(self, cluster_id: str, file: str, text: str) -> None:
        """Send the text of a file that the server wants."""
        await self.send(_routes.put_source(cluster_id, file, text))

    async def cost(self, since: datetime | None = None, until: datetime | None = None) -> CostList:
        """Return what clusters cost in a window ``[since, until)``."""
        return await self.send(_routes.cost(since, until))

    async def cost_breakdown(
        self,
        by: str | Sequence[str],
        where: str | Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        limit: int | None = None,
        figures: str | None = None,
    ) -> CostBreakdown:
        """Return what was spent in a window, grouped by anything: see :meth:`Lineitem.cost_breakdown`."""
        return await self.send(
            _routes.cost_breakdown(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures)
        )

    async def cost_arrow(
        self,
        by: str | Sequence[str],
        where: str | Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        limit: int | None = None,
        figures: str | None = None,
    ) -> pa.Table:
        """Return what was spent as a pyarrow table: see :meth:`Lineitem.cost_arrow`."""
        _frames.need("pyarrow")
        return _frames.arrow(
            await self.send(
                _routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures)
            )
        )

    async def cost_frame(
        self,
        by: str | Sequence[str],
        where: str | Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        limit: int | None = None,
        figures: str | None = None,
    ) -> pd.DataFrame:
        """Return what was spent as a pandas data frame: see :meth:`Lineitem.cost_frame`."""
        _frames.need("pyarrow", "pandas")
        return _frames.frame(
            await self.send(
                _routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures)
            )
        )

    async def overview(
        self,
        month: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
    ) -> Overview:
        """Return what was spent in a period, and what to think of it: see :meth:`Lineitem.overview`."""
        return await self.send(_routes.overview(month, since=since, until=until, zone=zone))

    async def report(self, week: str | None = None, *, group: str | None = None, scope: str | None = None) -> Report:
        """Return what a week cost: see :meth:`Lineitem.report`."""
        return await self.send(_routes.report(week, group=group, scope=scope))

    async def ledger_months(self) -> LedgerMonthList:
        """Return what is booked by month; see :meth:`Lineitem.ledger_months`."""
        return await self.send(_routes.ledger_months())

    async def ledger_summary(self, since: datetime | None = None, until: datetime | None = None) -> LedgerSummary:
        """Return what became of what was allocated in a window; see :meth:`Lineitem.ledger_summary`."""
        return await self.send(_routes.ledger_summary(since, until))

    async def rates(self) -> RateCard:
        """Return the configured prices."""
        return await self.send(_routes.rates())

    async def sql(
        self,
        statement: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> SQLResult:
        """Run one SELECT over what the caller may see: see :meth:`Lineitem.sql`."""
        return await self.send(_routes.sql(statement, since=since, until=until, limit=limit))
