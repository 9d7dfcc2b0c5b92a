"""The thin client of the REST API that waits for answers: one method for each route.

:class:`lineitem.AsyncLineitem` is its like for event loops.

It is not called ``Client``, because next to Dask's own ``Client`` nobody could tell which one is meant.
"""

from __future__ import annotations

import time
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


class Lineitem(Base):
    """A blocking client of a Lineitem server's REST API.

    Parameters
    ----------
    server : str, optional
        URL of the server; else ``LINEITEM_SERVER``, ``lineitem.server`` of Dask's configuration, the default of
        ``lineitem login``, ``http://127.0.0.1:8470``.
    token : str, optional
        API token; else ``LINEITEM_TOKEN`` or what ``lineitem login`` has kept.
    timeout : float, optional
        Seconds for one request; else ``lineitem.timeout``.
    transport : httpx.BaseTransport, optional
        Replaces the network, for tests.

    Examples
    --------
    >>> with Lineitem() as api:  # doctest: +SKIP
    ...     for cluster in api.list_clusters(statuses=["running"]).items:
    ...         print(cluster.name, cluster.rate_nanos_per_hour)
    """

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        timeout: float | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(server, token, timeout)
        self._http = httpx.Client(transport=transport, **self._settings())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(self, call: Call[T]) -> T:
        """Send one call, trying again where that is safe, and return its answer."""
        self._check(call)
        attempt = 0
        while True:
            try:
                response = self._http.request(**self._request(call))
            except httpx.TransportError as error:
                pause = self._pause(call, attempt, error)
                if pause is None:
                    raise self._unreachable(call, error) from error
            else:
                pause = self._pause(call, attempt, response)
                if pause is None:
                    return self._read(call, response)
            time.sleep(pause)
            attempt += 1

    def me(self) -> Me:
        """Return who the caller is, and what server this is."""
        return self.send(_routes.me())

    def create_token(self, name: str, *, code: str | None = None, expires_in_seconds: int = 0) -> Token:
        """Make an API token, as the caller or with a one-time sign-in code; its secret is in this answer and never again."""
        return self.send(_routes.create_token(name, code, expires_in_seconds))

    def list_tokens(self) -> TokenList:
        """Return the caller's API tokens."""
        return self.send(_routes.list_tokens())

    def delete_token(self, token_id: str) -> None:
        """Revoke one of the caller's API tokens."""
        self.send(_routes.delete_token(token_id))

    def create_cluster(
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
        return self.send(
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

    def list_clusters(self, statuses: Sequence[str] = (), *, limit: int | None = None, cursor: str = "") -> ClusterList:
        """Return one page of clusters, newest first; ``next_cursor`` of the answer fetches the next."""
        return self.send(_routes.list_clusters(statuses, limit, cursor))

    def get_cluster(self, cluster_id: str) -> ClusterInfo:
        """Return a cluster, by its id or the name of a live cluster of the caller."""
        return self.send(_routes.get_cluster(cluster_id))

    def scale_cluster(self, cluster_id: str, n_workers: int, *, remove: Sequence[str] = ()) -> ClusterInfo:
        """Set how many workers are wanted; when the number shrinks, the workers named in ``remove`` go first."""
        return self.send(_routes.scale_cluster(cluster_id, n_workers, remove))

    def stop_cluster(self, cluster_id: str) -> ClusterInfo:
        """Stop a cluster; again, and on an ended one, it changes nothing."""
        return self.send(_routes.stop_cluster(cluster_id))

    def credentials(self, cluster_id: str) -> Credentials:
        """Return what a Dask client needs to connect: the right to run code in the cluster."""
        return self.send(_routes.credentials(cluster_id))

    def processes(self, cluster_id: str) -> ProcessList:
        """Return the scheduler and the workers, all their runs."""
        return self.send(_routes.processes(cluster_id))

    def events(self, cluster_id: str, *, limit: int | None = None) -> EventList:
        """Return what happened to the cluster, newest first."""
        return self.send(_routes.events(cluster_id, limit))

    def logs(self, cluster_id: str, *, process: str | None = None, tail_bytes: int | None = None) -> LogsList:
        """Return the output of all processes or of one, also after their end."""
        return self.send(_routes.logs(cluster_id, process, tail_bytes))

    def bill(self, cluster_id: str) -> Bill:
        """Return where the cluster's money went."""
        return self.send(_routes.bill(cluster_id))

    def timeline(self, cluster_id: str, *, bins: int | None = None) -> Timeline:
        """Return what the workers did over time."""
        return self.send(_routes.timeline(cluster_id, bins))

    def submissions(self, cluster_id: str) -> SubmissionList:
        """Return who asked the cluster for what, newest first, and what it cost."""
        return self.send(_routes.submissions(cluster_id))

    def reads(self, cluster_id: str) -> ReadList:
        """Return what the cluster read and wrote, dearest first."""
        return self.send(_routes.reads(cluster_id))

    def receipt(self, cluster_id: str, *, since: datetime | None = None, client: str = "") -> Receipt:
        """Return what the cluster cost since a moment, and what of it was the work of one Dask client."""
        return self.send(_routes.receipt(cluster_id, since, client))

    def resources(self, cluster_id: str, *, bins: int | None = None) -> ResourceList:
        """Return what the processes used over time: CPU, memory, transfers, disks, GPUs."""
        return self.send(_routes.resources(cluster_id, bins))

    def watch_cluster(
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
        return self.send(
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

    def packages(self, *, name: str = "", version: str = "", grade: str = "", cluster: str = "") -> PackageList:
        """Return who has which package: ``version`` is a PEP 440 range, ``grade`` the least of installed, imported, seen."""
        return self.send(_routes.packages(name, version, grade, cluster))

    def environment(self, environment_id: str) -> Environment:
        """Return one set of installed software."""
        return self.send(_routes.environment(environment_id))

    def list_sources(self, cluster_id: str) -> SourceList:
        """Return the files of user code in the bill, without their texts."""
        return self.send(_routes.list_sources(cluster_id))

    def get_source(self, cluster_id: str, file: str) -> Source:
        """Return one file of user code."""
        return self.send(_routes.get_source(cluster_id, file))

    def put_source(self, cluster_id: str, file: str, text: str) -> None:
        """Send the text of a file that the server wants."""
        self.send(_routes.put_source(cluster_id, file, text))

    def cost(self, since: datetime | None = None, until: datetime | None = None) -> CostList:
        """Return what clusters cost in a window ``[since, until)``."""
        return self.send(_routes.cost(since, until))

    def cost_breakdown(
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
        """Return what was spent in a window, grouped by anything: see docs/cost.md.

        Parameters
        ----------
        by
            One dimension or several: ``"user"``, ``["month", "operation"]``.
        where
            Filters like ``"operation=read.csv,read.parquet"``; ``*`` at the end of a value stands for all that begin so.
        since, until
            The window ``[since, until)``, widened to whole hours; by default the 30 days up to now.
        zone
            IANA time zone in which days begin; by default the organisation's.
        limit
            How many rows to list; what the others cost is in ``rest_nanos``.
        figures
            ``"metered"``, the default, is time by the prices in force; ``"invoiced"`` is what was invoiced, where an invoice was imported.
        """
        return self.send(
            _routes.cost_breakdown(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures)
        )

    def cost_arrow(
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
        """Return what :meth:`cost_breakdown` does as a pyarrow table, with all rows unless ``limit`` says otherwise.

        ``cost_nanos`` holds billionths of the currency and sums to the total, ``cost`` the same as decimals; where rows were left
        out the last one stands for them, and ``rest_rows`` says for how many. The metadata of the schema holds the window, the
        zone, the currency and more.
        """
        _frames.need("pyarrow")
        return _frames.arrow(
            self.send(_routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures))
        )

    def cost_frame(
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
        """Return what :meth:`cost_arrow` does as a pandas data frame; ``attrs`` holds the window, the zone, the currency and more."""
        _frames.need("pyarrow", "pandas")
        return _frames.frame(
            self.send(_routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures))
        )

    def overview(
        self,
        month: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
    ) -> Overview:
        """Return what was spent in a period, and what to think of it: forecast, waste, movers, unusual days. See docs/overview.md.

        Parameters
        ----------
        month
            A month of the calendar, as ``"2026-11"``; the current one by default.
        since, until
            Instead of a month: the whole days that ``[since, until)`` touches, at most 400; ``until`` is now by default.
        zone
            IANA time zone in which days begin; by default the organisation's.
        """
        return self.send(_routes.overview(month, since=since, until=until, zone=zone))

    def report(self, week: str | None = None, *, group: str | None = None, scope: str | None = None) -> Report:
        """Return what a week cost, what of it was waste and who can mend it, and the weeks before. See docs/reports.md.

        Parameters
        ----------
        week
            A week of ISO 8601, as ``"2026-W47"``; by default the newest that is over.
        group
            What a group and those below it paid for: its path, its id, or a name that one group alone has. For who leads it
            or one above, and administrators.
        scope
            Instead of a group: ``"own"``, or ``"all"``, which is for administrators and their default.

        Examples
        --------
        >>> api.report(group="/research").total  # doctest: +SKIP
        """
        return self.send(_routes.report(week, group=group, scope=scope))

    def ledger_months(self) -> LedgerMonthList:
        """Return what is booked by month: charges, corrections, true-ups, and which months are closed."""
        return self.send(_routes.ledger_months())

    def ledger_summary(self, since: datetime | None = None, until: datetime | None = None) -> LedgerSummary:
        """Return what became of what was allocated in a window: used, idle, overhead, lost, unknown."""
        return self.send(_routes.ledger_summary(since, until))

    def rates(self) -> RateCard:
        """Return the configured prices."""
        return self.send(_routes.rates())

    def sql(
        self,
        statement: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> SQLResult:
        """Run one SELECT over what the caller may see, and return its rows: see docs/sql.md.

        Parameters
        ----------
        statement
            DuckDB's SQL, over the tables ``lines``, ``usage``, ``reads``, ``packages``, ``gpu``, ``events``, ``prices`` and ``clusters``.
        since, until
            What the tables hold, widened to whole hours; by default everything up to now.
        limit
            How many rows to return: 1,000 by default, at most 100,000. Where there were more, ``more`` is true.

        Examples
        --------
        >>> costs = "select operation, sum(cost_nanos) / 1e9 as cost from lines group by all"
        >>> frame = api.sql(costs).to_dataframe()  # doctest: +SKIP
        """
        return self.send(_routes.sql(statement, since=since, until=until, limit=limit))
