"""Thin clients of the REST API: one method for each route, blocking (:class:`Lineitem`) or not (:class:`AsyncLineitem`).

They are not called ``Client``, because next to Dask's own ``Client`` nobody could tell which one is meant.
"""

from __future__ import annotations

import asyncio
import json
import platform
import random
import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import httpx

from lineitem import _config, _frames, _routes
from lineitem._exceptions import ApiError, NotSignedIn, ServerFault, ServerUnreachable, api_error_class
from lineitem._models import FieldError
from lineitem._version import __version__
from lineitem._wire import WireError, decode

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    import pandas as pd
    import pyarrow as pa
    from typing_extensions import Self

    from lineitem._auth import Secret
    from lineitem._bill import Bill
    from lineitem._models import (
        ClusterInfo,
        ClusterList,
        CostBreakdown,
        CostList,
        Credentials,
        Environment,
        EventList,
        LedgerMonthList,
        LedgerSummary,
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
    from lineitem._routes import Call
    from lineitem._sql import SQLResult

T = TypeVar("T")

USER_AGENT = f"lineitem-python/{__version__} (Python {platform.python_version()})"

_ATTEMPTS = 4
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
# The request has certainly not reached the server, so that even one that must not be repeated may be sent again.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _BearerAuth(httpx.Auth):
    """Puts the token into the Authorization header."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


class _Base:
    """What both clients share: settings, requests, reading answers, and when to try again."""

    def __init__(self, server: str | None, token: str | None, timeout: float | None) -> None:
        self._target = _config.resolve(server, token)
        self._timeout = timeout if timeout is not None else _config.seconds("timeout")

    @property
    def server(self) -> str:
        """URL of the server."""
        return self._target.server

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} holds a token and is not pickled; nothing was sent. Make one where it is needed."
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self._target.server,
            "auth": _BearerAuth(self._target.token) if self._target.token else None,
            "timeout": self._timeout,
            "headers": {"User-Agent": USER_AGENT, "Accept": "application/json"},
            # A proxy of the environment is for the outside, and could not reach this machine's loopback.
            "trust_env": not self._target.loopback,
            # Redirects are not followed, so a plain address stays plain: loading certificates would be for nothing.
            "verify": self._target.server.startswith("https:"),
        }

    def _check(self, call: Call[Any]) -> None:
        if self._target.token is None and not call.anonymous:
            raise NotSignedIn(
                f"There is no token for {self.server}; nothing was sent. Run `lineitem login {self.server}`, or set LINEITEM_TOKEN.",
                code="unauthenticated",
            )

    def _pause(self, call: Call[Any], attempt: int, problem: httpx.TransportError | httpx.Response) -> float | None:
        """Return how long to wait before trying again, None if there is no sense in it."""
        if attempt + 1 >= _ATTEMPTS:
            return None
        pause: float = _FIRST_PAUSE * 3**attempt * random.uniform(0.8, 1.2)  # noqa: S311 -- spreads load, guards nothing
        if isinstance(problem, httpx.Response):
            if problem.status_code not in (429, 502, 503, 504) or not call.repeatable:
                return None
            said = problem.headers.get("Retry-After", "")
            return min(float(said), _LONGEST_PAUSE) if said.isdecimal() else pause
        return pause if call.repeatable or isinstance(problem, _NOT_SENT) else None

    def _unreachable(self, call: Call[Any], error: httpx.TransportError) -> ServerUnreachable:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if call.method == "GET" or isinstance(error, _NOT_SENT):
            outcome = "Nothing was changed."
        else:
            outcome = "Whether the request was carried out is not known; look before you repeat it."
        advice = (
            "Is it running? `lineitem server` starts one"
            if self._target.loopback
            else "Is the address right, and the server up"
        )
        return ServerUnreachable(
            f"The Lineitem server at {self.server} did not answer ({what}). {outcome} {advice}; "
            "LINEITEM_SERVER says where it is.",
            server=self.server,
        )

    def _read(self, call: Call[T], response: httpx.Response) -> T:
        if not response.is_success:
            raise self._error(response)
        if call.answer is None:
            return cast("T", None)
        if call.answer is bytes:
            return cast("T", response.content)
        try:
            return decode(call.answer, response.json())
        except (WireError, ValueError) as error:
            raise ServerFault(
                f"The answer of {self.server} to {call.method} {call.template} could not be read ({error}). It may not be a "
                "Lineitem server, or be of another version than this package; check LINEITEM_SERVER.",
                code="unreadable",
                http_status=response.status_code,
            ) from error

    def _error(self, response: httpx.Response) -> ApiError:
        status = response.status_code
        try:
            body = response.json()
            code, message = str(body["code"]), str(body["message"])
            fields = [FieldError(name=str(f["name"]), message=str(f["message"])) for f in body.get("fields") or ()]
        except (ValueError, KeyError, TypeError, AttributeError):
            code, fields = "", []
            message = (
                f"{self.server} answered HTTP {status} without an explanation; something other than a Lineitem server may "
                "stand there. Check LINEITEM_SERVER."
            )
        kind = api_error_class(code, status)
        return kind(message, code=code or f"http_{status}", fields=fields, http_status=status)

    def _request(self, call: Call[Any]) -> dict[str, Any]:
        request: dict[str, Any] = {"method": call.method, "url": call.url_path, "params": dict(call.query)}
        if call.body is not None:
            request["content"] = json.dumps(call.body).encode()
            request["headers"] = {"Content-Type": "application/json"}
        if call.answer is bytes:
            request["headers"] = {"Accept": "*/*"}
        return request


class Lineitem(_Base):
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
        """
        return self.send(_routes.cost_breakdown(by, where, since=since, until=until, zone=zone, limit=limit))

    def cost_arrow(
        self,
        by: str | Sequence[str],
        where: str | Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Return what :meth:`cost_breakdown` does as a pyarrow table, with all rows unless ``limit`` says otherwise.

        ``cost_nanos`` holds billionths of the currency and sums to the total, ``cost`` the same as decimals; where rows were left
        out the last one stands for them, and ``rest_rows`` says for how many. The metadata of the schema holds the window, the
        zone, the currency and more.
        """
        _frames.need("pyarrow")
        return _frames.arrow(self.send(_routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit)))

    def cost_frame(
        self,
        by: str | Sequence[str],
        where: str | Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return what :meth:`cost_arrow` does as a pandas data frame; ``attrs`` holds the window, the zone, the currency and more."""
        _frames.need("pyarrow", "pandas")
        return _frames.frame(self.send(_routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit)))

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


class AsyncLineitem(_Base):
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
    ) -> CostBreakdown:
        """Return what was spent in a window, grouped by anything: see :meth:`Lineitem.cost_breakdown`."""
        return await self.send(_routes.cost_breakdown(by, where, since=since, until=until, zone=zone, limit=limit))

    async def cost_arrow(
        self,
        by: str | Sequence[str],
        where: str | Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Return what was spent as a pyarrow table: see :meth:`Lineitem.cost_arrow`."""
        _frames.need("pyarrow")
        return _frames.arrow(
            await self.send(_routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit))
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
    ) -> pd.DataFrame:
        """Return what was spent as a pandas data frame: see :meth:`Lineitem.cost_frame`."""
        _frames.need("pyarrow", "pandas")
        return _frames.frame(
            await self.send(_routes.cost_arrow(by, where, since=since, until=until, zone=zone, limit=limit))
        )

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
