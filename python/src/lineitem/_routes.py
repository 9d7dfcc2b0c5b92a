"""The routes of the REST API: one function each, which says what to send and how to read the answer.

Nothing here does I/O; :mod:`lineitem._client` sends the calls, blocking or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

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
from lineitem._sql import SQLResult

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")

BASE = "/api/v1"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request and the type of its answer.

    Attributes
    ----------
    template : str
        Path below the base, with ``{names}`` for the values in ``path``.
    answer : type or None
        What the answer is decoded to, bytes for a file as it is; None where it has no body.
    repeatable : bool
        Whether sending it twice does the same as once, so that it may be tried again after an error on the way.
    anonymous : bool
        Whether it works without a token.
    """

    method: str
    template: str
    answer: type[T] | None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    # Not in the repr: a body may hold a sign-in code or the user's environment.
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    repeatable: bool = True
    anonymous: bool = False

    @property
    def url_path(self) -> str:
        """The path with its values, ready to be sent."""
        return BASE + self.template.format(**{k: quote(v, safe="") for k, v in self.path.items()})


def me() -> Call[Me]:
    """GET /me."""
    return Call("GET", "/me", Me)


def create_token(name: str, code: str | None, expires_in_seconds: int) -> Call[Token]:
    """POST /tokens."""
    body = _without_empty({"code": code, "expires_in_seconds": expires_in_seconds})
    return Call("POST", "/tokens", Token, body={"name": name, **body}, repeatable=False, anonymous=bool(code))


def list_tokens() -> Call[TokenList]:
    """GET /tokens."""
    return Call("GET", "/tokens", TokenList)


def delete_token(token_id: str) -> Call[None]:
    """DELETE /tokens/{token_id}."""
    return Call("DELETE", "/tokens/{token_id}", None, path={"token_id": token_id})


def create_cluster(
    n_workers: int,
    *,
    nthreads: int = 0,
    memory_bytes: int = 0,
    python: str = "",
    env: Mapping[str, str] | None = None,
    name: str = "",
    backend: str = "",
    group: str = "",
) -> Call[ClusterInfo]:
    """POST /clusters."""
    options = _without_empty(
        {"nthreads": nthreads, "memory_bytes": memory_bytes, "python": python, "env": dict(env or {})}
    )
    body = {
        **_without_empty({"name": name, "backend": backend, "group": group}),
        "options": {"n_workers": n_workers, **options},
    }
    return Call("POST", "/clusters", ClusterInfo, body=body, repeatable=False)


def list_clusters(statuses: Sequence[str], limit: int | None, cursor: str) -> Call[ClusterList]:
    """GET /clusters."""
    query = _without_empty({"status": ",".join(statuses), "limit": str(limit or ""), "cursor": cursor})
    return Call("GET", "/clusters", ClusterList, query=query)


def get_cluster(cluster_id: str) -> Call[ClusterInfo]:
    """GET /clusters/{cluster_id}."""
    return _cluster("GET", "", ClusterInfo, cluster_id)


def scale_cluster(cluster_id: str, n_workers: int, remove: Sequence[str]) -> Call[ClusterInfo]:
    """POST /clusters/{cluster_id}/scale."""
    body = {"n_workers": n_workers, **_without_empty({"remove": list(remove)})}
    return _cluster("POST", "/scale", ClusterInfo, cluster_id, body=body)


def stop_cluster(cluster_id: str) -> Call[ClusterInfo]:
    """POST /clusters/{cluster_id}/stop."""
    return _cluster("POST", "/stop", ClusterInfo, cluster_id)


def credentials(cluster_id: str) -> Call[Credentials]:
    """GET /clusters/{cluster_id}/credentials."""
    return _cluster("GET", "/credentials", Credentials, cluster_id)


def processes(cluster_id: str) -> Call[ProcessList]:
    """GET /clusters/{cluster_id}/processes."""
    return _cluster("GET", "/processes", ProcessList, cluster_id)


def events(cluster_id: str, limit: int | None) -> Call[EventList]:
    """GET /clusters/{cluster_id}/events."""
    return _cluster("GET", "/events", EventList, cluster_id, query=_without_empty({"limit": str(limit or "")}))


def logs(cluster_id: str, process: str | None, tail_bytes: int | None) -> Call[LogsList]:
    """GET /clusters/{cluster_id}/logs."""
    query = _without_empty({"process": process, "tail_bytes": str(tail_bytes or "")})
    return _cluster("GET", "/logs", LogsList, cluster_id, query=query)


def bill(cluster_id: str) -> Call[Bill]:
    """GET /clusters/{cluster_id}/bill."""
    return _cluster("GET", "/bill", Bill, cluster_id)


def timeline(cluster_id: str, bins: int | None) -> Call[Timeline]:
    """GET /clusters/{cluster_id}/timeline."""
    return _cluster("GET", "/timeline", Timeline, cluster_id, query=_without_empty({"bins": str(bins or "")}))


def submissions(cluster_id: str) -> Call[SubmissionList]:
    """GET /clusters/{cluster_id}/submissions."""
    return _cluster("GET", "/submissions", SubmissionList, cluster_id)


def reads(cluster_id: str) -> Call[ReadList]:
    """GET /clusters/{cluster_id}/reads."""
    return _cluster("GET", "/reads", ReadList, cluster_id)


def receipt(cluster_id: str, since: datetime | None, client: str) -> Call[Receipt]:
    """GET /clusters/{cluster_id}/receipt."""
    query = _without_empty({"since": since.isoformat() if since is not None else "", "client": client})
    return _cluster("GET", "/receipt", Receipt, cluster_id, query=query)


def resources(cluster_id: str, bins: int | None) -> Call[ResourceList]:
    """GET /clusters/{cluster_id}/resources."""
    return _cluster("GET", "/resources", ResourceList, cluster_id, query=_without_empty({"bins": str(bins or "")}))


def watch_cluster(
    scheduler_id: str,
    scheduler_address: str,
    *,
    name: str = "",
    deployment: str = "",
    method: str = "",
    dashboard_url: str = "",
    group: str = "",
) -> Call[WatchAnswer]:
    """POST /clusters/watched."""
    more = _without_empty(
        {"name": name, "deployment": deployment, "method": method, "dashboard_url": dashboard_url, "group": group}
    )
    body = {"scheduler_id": scheduler_id, "scheduler_address": scheduler_address, **more}
    return Call("POST", "/clusters/watched", WatchAnswer, body=body)


def packages(name: str, version: str, grade: str, cluster: str) -> Call[PackageList]:
    """GET /packages."""
    query = _without_empty({"name": name, "version": version, "grade": grade, "cluster": cluster})
    return Call("GET", "/packages", PackageList, query=query)


def environment(environment_id: str) -> Call[Environment]:
    """GET /environments/{environment_id}."""
    return Call("GET", "/environments/{environment_id}", Environment, path={"environment_id": environment_id})


def list_sources(cluster_id: str) -> Call[SourceList]:
    """GET /clusters/{cluster_id}/sources."""
    return _cluster("GET", "/sources", SourceList, cluster_id)


def get_source(cluster_id: str, file: str) -> Call[Source]:
    """GET /clusters/{cluster_id}/source."""
    return _cluster("GET", "/source", Source, cluster_id, query={"file": file})


def put_source(cluster_id: str, file: str, text: str) -> Call[None]:
    """PUT /clusters/{cluster_id}/source."""
    return _cluster("PUT", "/source", None, cluster_id, body={"file": file, "text": text})


def cost(since: datetime | None, until: datetime | None) -> Call[CostList]:
    """GET /cost."""
    query = {k: v.isoformat() for k, v in (("since", since), ("until", until)) if v is not None}
    return Call("GET", "/cost", CostList, query=query)


def cost_breakdown(
    by: str | Sequence[str],
    where: str | Sequence[str] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    zone: str | None = None,
    limit: int | None = None,
    figures: str | None = None,
) -> Call[CostBreakdown]:
    """GET /cost/breakdown."""
    return Call(
        "GET",
        "/cost/breakdown",
        CostBreakdown,
        query=_question(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures),
    )


def cost_arrow(
    by: str | Sequence[str],
    where: str | Sequence[str] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    zone: str | None = None,
    limit: int | None = None,
    figures: str | None = None,
) -> Call[bytes]:
    """GET /cost/breakdown.arrow."""
    return Call(
        "GET",
        "/cost/breakdown.arrow",
        bytes,
        query=_question(by, where, since=since, until=until, zone=zone, limit=limit, figures=figures),
    )


def _question(
    by: str | Sequence[str],
    where: str | Sequence[str],
    *,
    since: datetime | None,
    until: datetime | None,
    zone: str | None,
    limit: int | None,
    figures: str | None,
) -> dict[str, str | Sequence[str]]:
    query: dict[str, str | Sequence[str]] = {"by": by if isinstance(by, str) else ",".join(by)}
    if where:
        query["where"] = [where] if isinstance(where, str) else list(where)
    query.update({k: v.isoformat() for k, v in (("since", since), ("until", until)) if v is not None})
    query.update({k: str(v) for k, v in (("zone", zone), ("limit", limit), ("figures", figures)) if v is not None})
    return query


def overview(
    month: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    zone: str | None = None,
) -> Call[Overview]:
    """GET /overview."""
    window = {k: v.isoformat() for k, v in (("since", since), ("until", until)) if v is not None}
    return Call("GET", "/overview", Overview, query={**_without_empty({"month": month, "zone": zone}), **window})


def report(week: str | None = None, *, group: str | None = None, scope: str | None = None) -> Call[Report]:
    """GET /reports/{week}/report."""
    query = _without_empty({"group": group, "scope": scope})
    return Call("GET", "/reports/{week}/report", Report, path={"week": week or "last"}, query=query)


def ledger_months() -> Call[LedgerMonthList]:
    """GET /ledger/months."""
    return Call("GET", "/ledger/months", LedgerMonthList)


def ledger_summary(since: datetime | None, until: datetime | None) -> Call[LedgerSummary]:
    """GET /ledger/summary."""
    query = {k: v.isoformat() for k, v in (("since", since), ("until", until)) if v is not None}
    return Call("GET", "/ledger/summary", LedgerSummary, query=query)


def rates() -> Call[RateCard]:
    """GET /rates."""
    return Call("GET", "/rates", RateCard)


def sql(
    statement: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Call[SQLResult]:
    """POST /sql."""
    window = {k: v.isoformat() for k, v in (("since", since), ("until", until)) if v is not None}
    return Call("POST", "/sql", SQLResult, body={"sql": statement, **window, **_without_empty({"limit": limit})})


def _cluster(
    method: str,
    verb: str,
    answer: type[T] | None,
    cluster_id: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Call[T]:
    template = "/clusters/{cluster_id}" + verb
    return Call(method, template, answer, path={"cluster_id": cluster_id}, query=query or {}, body=body)


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what was not said: the server's defaults hold then."""
    return {k: v for k, v in values.items() if v}


AnyCall = Callable[..., Call[Any]]

#: All routes, for the contract test.
ALL: tuple[AnyCall, ...] = (
    me,
    create_token,
    list_tokens,
    delete_token,
    create_cluster,
    list_clusters,
    get_cluster,
    scale_cluster,
    stop_cluster,
    credentials,
    processes,
    events,
    logs,
    bill,
    timeline,
    submissions,
    reads,
    receipt,
    resources,
    watch_cluster,
    packages,
    environment,
    list_sources,
    get_source,
    put_source,
    cost,
    cost_breakdown,
    cost_arrow,
    overview,
    report,
    ledger_months,
    ledger_summary,
    rates,
    sql,
)
