from __future__ import annotations

import asyncio
import io
import json
import pickle
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa
import pytest

import lineitem
from lineitem import AsyncLineitem, Lineitem, _routes

SERVER = "http://127.0.0.1:8470"
RATES = {"currency": "USD", "core_hour_nanos": 40_000_000, "gigabyte_hour_nanos": 5_000_000, "source": "Configured"}


class Server:
    """Answers with what it was given, in order, the last for ever; remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make pauses free, and remember them."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("lineitem._client.time.sleep", made.append)
    monkeypatch.setattr("lineitem._async_client.asyncio.sleep", pause)
    return made


def ask(asynchronous: bool, server: Server, call: _routes.Call[Any], token: str | None = "t0ken") -> Any:
    """Send a call by either client; both must behave the same."""
    if not asynchronous:
        with Lineitem(SERVER, token, transport=httpx.MockTransport(server)) as api:
            return api.send(call)

    async def send() -> Any:
        async with AsyncLineitem(SERVER, token, transport=httpx.MockTransport(server)) as api:
            return await api.send(call)

    return asyncio.run(send())


def call_method(asynchronous: bool, server: Server, name: str, args: tuple[Any, ...]) -> Any:
    if not asynchronous:
        with Lineitem(SERVER, "t", transport=httpx.MockTransport(server)) as api:
            return getattr(api, name)(*args)

    async def send() -> Any:
        async with AsyncLineitem(SERVER, "t", transport=httpx.MockTransport(server)) as api:
            return await getattr(api, name)(*args)

    return asyncio.run(send())


both = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@both
def test_request_and_answer(asynchronous: bool) -> None:
    server = Server(httpx.Response(200, json=RATES))
    rates = ask(asynchronous, server, _routes.rates())
    assert rates.core_hour_nanos == 40_000_000
    (request,) = server.requests
    assert str(request.url) == f"{SERVER}/api/v1/rates"
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.headers["User-Agent"].startswith(f"lineitem-python/{lineitem.__version__} ")


@both
def test_body_is_json_and_says_only_what_was_said(asynchronous: bool) -> None:
    error = {"code": "cluster_not_running", "message": "It has ended. Nothing was changed.", "fields": []}
    server = Server(httpx.Response(409, json=error))
    with pytest.raises(lineitem.ClusterNotRunning, match="It has ended"):
        ask(asynchronous, server, _routes.scale_cluster("cl_1", 3, []))
    (request,) = server.requests
    assert (request.method, request.url.path) == ("POST", "/api/v1/clusters/cl_1/scale")
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {"n_workers": 3}


@both
def test_path_values_cannot_leave_their_place(asynchronous: bool) -> None:
    server = Server(httpx.Response(404, json={"code": "not_found", "message": "No.", "fields": []}))
    with pytest.raises(lineitem.NotFound):
        ask(asynchronous, server, _routes.get_cluster("../me?x=#"))
    assert server.requests[0].url.raw_path == b"/api/v1/clusters/..%2Fme%3Fx%3D%23"


@both
def test_field_errors_arrive(asynchronous: bool) -> None:
    fields = [{"name": "options.n_workers", "message": "Must be at most 1000."}]
    server = Server(httpx.Response(422, json={"code": "invalid", "message": "1 input is wrong.", "fields": fields}))
    with pytest.raises(lineitem.InvalidInput) as caught:
        ask(asynchronous, server, _routes.create_cluster(2000))
    assert caught.value.fields[0].name == "options.n_workers"
    assert (caught.value.code, caught.value.http_status) == ("invalid", 422)


@both
def test_repeatable_request_is_tried_again_after_lost_connections(asynchronous: bool, pauses: list[float]) -> None:
    server = Server(httpx.ReadError("reset"), httpx.ConnectError("refused"), httpx.Response(200, json=RATES))
    assert ask(asynchronous, server, _routes.rates()).currency == "USD"
    assert len(server.requests) == 3
    assert len(pauses) == 2
    assert pauses[0] < pauses[1]


@both
def test_unrepeatable_request_is_tried_again_only_if_it_was_not_sent(asynchronous: bool) -> None:
    refused = Server(httpx.ConnectError("refused"))
    with pytest.raises(lineitem.ServerUnreachable, match="Nothing was changed"):
        ask(asynchronous, refused, _routes.create_cluster(1))
    assert len(refused.requests) == 4

    lost = Server(httpx.ReadTimeout("slow"))
    with pytest.raises(lineitem.ServerUnreachable, match="not known") as caught:
        ask(asynchronous, lost, _routes.create_cluster(1))
    assert len(lost.requests) == 1
    assert caught.value.server == SERVER


@both
def test_busy_server_is_asked_again_when_it_says(asynchronous: bool, pauses: list[float]) -> None:
    busy = httpx.Response(
        503, json={"code": "unavailable", "message": "Busy.", "fields": []}, headers={"Retry-After": "2"}
    )
    server = Server(busy, httpx.Response(200, json=RATES))
    assert ask(asynchronous, server, _routes.rates()).currency == "USD"
    assert pauses == [2.0]


@both
def test_a_long_retry_after_does_not_hang_the_caller(asynchronous: bool, pauses: list[float]) -> None:
    busy = httpx.Response(
        429, json={"code": "unavailable", "message": "Busy.", "fields": []}, headers={"Retry-After": "86400"}
    )
    with pytest.raises(lineitem.Unavailable, match="Busy"):
        ask(asynchronous, Server(busy), _routes.rates())
    assert max(pauses) <= 5


@both
def test_refusals_and_faults_are_not_repeated(asynchronous: bool) -> None:
    for status, kind in ((401, lineitem.NotSignedIn), (403, lineitem.NotAllowed), (500, lineitem.ServerFault)):
        server = Server(httpx.Response(status, json={"code": "x", "message": "No.", "fields": []}))
        with pytest.raises(kind):
            ask(asynchronous, server, _routes.rates())
        assert len(server.requests) == 1


@both
@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 200, "text": "<html>Welcome</html>"},
        {"status_code": 200, "json": ["not", "a", "rate"]},
        {"status_code": 200, "json": {"currency": "USD"}},
        {"status_code": 302, "headers": {"Location": "https://elsewhere"}},
        {"status_code": 500, "json": {"detail": "not ours"}},
    ],
    ids=["html", "list", "missing", "redirect", "other"],
)
def test_what_is_not_a_lineitem_server_is_said_so(asynchronous: bool, answer: dict[str, Any]) -> None:
    with pytest.raises(lineitem.ApiError, match="LINEITEM_SERVER"):
        ask(asynchronous, Server(httpx.Response(**answer)), _routes.rates())


@both
def test_without_token_nothing_is_sent(asynchronous: bool) -> None:
    server = Server(httpx.Response(200, json=RATES))
    with pytest.raises(lineitem.NotSignedIn, match="lineitem login"):
        ask(asynchronous, server, _routes.rates(), token=None)
    assert server.requests == []


@both
def test_a_code_buys_a_token_without_one(asynchronous: bool) -> None:
    answer = {"id": "tk_1", "name": "laptop", "secret": "s3cret", "created_at": "2026-01-01T00:00:00Z"}
    server = Server(httpx.Response(201, json=answer))
    token = ask(asynchronous, server, _routes.create_token("laptop", "c0de", 0), token=None)
    assert token.secret == "s3cret"
    assert "Authorization" not in server.requests[0].headers
    assert json.loads(server.requests[0].content) == {"name": "laptop", "code": "c0de"}


def test_clients_show_and_give_away_no_token() -> None:
    for client in (Lineitem(SERVER, "t0ken"), AsyncLineitem(SERVER, "t0ken")):
        assert repr(client) == f"{type(client).__name__}('{SERVER}')"
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(client)
    assert "c0de" not in repr(_routes.create_token("x", "c0de", 0))


def test_both_clients_have_the_same_methods() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in vars(cls) if not name.startswith("_")}

    assert public(Lineitem) == public(AsyncLineitem)
    routes = {route.__name__ for route in _routes.ALL}
    assert public(Lineitem) - routes == {"close", "send", "cost_frame"}
    assert routes <= public(Lineitem)


@both
def test_every_method_sends_its_route(asynchronous: bool) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "create_token": ("laptop",),
        "delete_token": ("tk_1",),
        "create_cluster": (2,),
        "scale_cluster": ("cl_1", 2),
        "get_source": ("cl_1", "a.py"),
        "put_source": ("cl_1", "a.py", "x = 1"),
        "cost_breakdown": (["user", "day"], "operation=read.csv,merge"),
        "cost_arrow": ("line",),
        "cost_frame": ("line",),
        "sql": ("select 1",),
    }
    expected = {
        "me": "GET /me",
        "create_token": "POST /tokens",
        "list_tokens": "GET /tokens",
        "delete_token": "DELETE /tokens/tk_1",
        "create_cluster": "POST /clusters",
        "list_clusters": "GET /clusters",
        "get_cluster": "GET /clusters/cl_1",
        "scale_cluster": "POST /clusters/cl_1/scale",
        "stop_cluster": "POST /clusters/cl_1/stop",
        "credentials": "GET /clusters/cl_1/credentials",
        "processes": "GET /clusters/cl_1/processes",
        "events": "GET /clusters/cl_1/events",
        "logs": "GET /clusters/cl_1/logs",
        "bill": "GET /clusters/cl_1/bill",
        "timeline": "GET /clusters/cl_1/timeline",
        "list_sources": "GET /clusters/cl_1/sources",
        "get_source": "GET /clusters/cl_1/source",
        "put_source": "PUT /clusters/cl_1/source",
        "cost": "GET /cost",
        "cost_breakdown": "GET /cost/breakdown",
        "cost_arrow": "GET /cost/breakdown.arrow",
        "cost_frame": "GET /cost/breakdown.arrow",
        "overview": "GET /overview",
        "report": "GET /reports/last/report",
        "ledger_months": "GET /ledger/months",
        "ledger_summary": "GET /ledger/summary",
        "rates": "GET /rates",
        "sql": "POST /sql",
    }
    seen = {}
    for name, route in expected.items():
        server = Server(httpx.Response(403, json={"code": "forbidden", "message": "No.", "fields": []}))
        args = arguments.get(name, ("cl_1",) if "cl_1" in route else ())
        with pytest.raises(lineitem.NotAllowed):
            call_method(asynchronous, server, name, args)
        (request,) = server.requests
        seen[name] = f"{request.method} {request.url.path.removeprefix('/api/v1')}"
    assert seen == expected


def test_queries_hold_what_was_asked() -> None:
    assert dict(_routes.list_clusters(["running", "starting"], 5, "c").query) == {
        "status": "running,starting",
        "limit": "5",
        "cursor": "c",
    }
    assert dict(_routes.logs("cl_1", "w-0", 100).query) == {"process": "w-0", "tail_bytes": "100"}
    assert dict(_routes.logs("cl_1", None, None).query) == {}
    assert dict(_routes.cost_breakdown(["user", "day"], "line=a.py:3", limit=5).query) == {
        "by": "user,day",
        "where": ["line=a.py:3"],
        "limit": "5",
    }
    assert dict(_routes.cost_breakdown("user").query) == {"by": "user"}
    assert dict(_routes.cost_breakdown("user", figures="invoiced").query) == {"by": "user", "figures": "invoiced"}
    assert dict(_routes.cost_arrow("user", ["kind=work"], zone="Europe/Oslo").query) == {
        "by": "user",
        "where": ["kind=work"],
        "zone": "Europe/Oslo",
    }
    since = datetime(2026, 11, 1, tzinfo=timezone.utc)
    assert dict(_routes.overview(since=since, zone="Europe/Oslo").query) == {
        "since": "2026-11-01T00:00:00+00:00",
        "zone": "Europe/Oslo",
    }
    assert dict(_routes.overview("2026-11").query) == {"month": "2026-11"}
    assert dict(_routes.overview().query) == {}
    report = _routes.report("2026-W47", group="/research")
    assert (report.url_path, dict(report.query)) == ("/api/v1/reports/2026-W47/report", {"group": "/research"})
    assert dict(_routes.report(scope="all").query) == {"scope": "all"}


@both
def test_tables_without_pyarrow_say_so_and_ask_nothing(asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineitem._frames.find_spec", lambda _: None)
    for method in ("cost_arrow", "cost_frame"):
        server = Server()
        with pytest.raises(ImportError, match=r"pyarrow.*nothing was asked"):
            call_method(asynchronous, server, method, ("user",))
        assert server.requests == []


@both
def test_tables_hold_what_the_file_does(asynchronous: bool) -> None:
    money = pa.decimal128(19, 9)
    schema = pa.schema(
        [("user", pa.string()), ("cost_nanos", pa.int64()), ("cost", money)],
        metadata={"lineitem.zone": "Europe/Oslo", "other": "x"},
    )
    table = pa.table([["ana", ""], [3, 2**60 + 1], [Decimal("0.000000003"), Decimal(2**60 + 1) / 10**9]], schema=schema)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table)
    server = Server(httpx.Response(200, content=sink.getvalue()), httpx.Response(200, content=sink.getvalue()))
    assert call_method(asynchronous, server, "cost_arrow", ("user",)) == table
    frame = call_method(asynchronous, server, "cost_frame", ("user",))
    assert list(frame["cost_nanos"]) == [3, 2**60 + 1]
    assert sum(frame["cost"]) == Decimal("1152921504.606846980")
    assert frame.attrs == {"zone": "Europe/Oslo"}
    assert {request.headers["Accept"] for request in server.requests} == {"*/*"}


def test_proxies_of_the_environment_are_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    assert Lineitem(SERVER, "t")._settings()["trust_env"] is False
    assert Lineitem("http://lineitem.example", "t")._settings()["trust_env"] is True
