"""The client against the contract that the server emits: every route it calls, every field it reads or sends."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import lineitem
from lineitem import _bill, _costs, _figures, _models, _overview, _routes, _sql

CONTRACT = json.loads((Path(__file__).parents[3] / "sdk" / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]

#: The one name that differs: Cluster is Dask's word for what users hold.
SCHEMA_OF = {"ClusterInfo": "Cluster"}

MODELS = [
    value
    for module in (_models, _costs, _overview, _figures, _bill, _sql)
    for value in vars(module).values()
    if dataclasses.is_dataclass(value) and isinstance(value, type) and value.__module__ == module.__name__
    if value is not _figures.BillFigures  # Bill without its looks
]

CALLS: dict[str, _routes.Call[Any]] = {
    "me": _routes.me(),
    "create_token": _routes.create_token("laptop", "code", 60),
    "list_tokens": _routes.list_tokens(),
    "delete_token": _routes.delete_token("tk_1"),
    "create_cluster": _routes.create_cluster(
        2,
        nthreads=1,
        memory_bytes=10**9,
        python="/usr/bin/python3",
        env={"A": "b"},
        name="n",
        backend="local",
        group="/research",
    ),
    "list_clusters": _routes.list_clusters(["running"], 5, "cursor"),
    "get_cluster": _routes.get_cluster("cl_1"),
    "scale_cluster": _routes.scale_cluster("cl_1", 1, ["w-0"]),
    "stop_cluster": _routes.stop_cluster("cl_1"),
    "credentials": _routes.credentials("cl_1"),
    "processes": _routes.processes("cl_1"),
    "events": _routes.events("cl_1", 5),
    "logs": _routes.logs("cl_1", "w-0", 1000),
    "bill": _routes.bill("cl_1"),
    "timeline": _routes.timeline("cl_1", 60),
    "submissions": _routes.submissions("cl_1"),
    "reads": _routes.reads("cl_1"),
    "receipt": _routes.receipt("cl_1", datetime(2026, 1, 1, tzinfo=timezone.utc), "Client-1"),
    "resources": _routes.resources("cl_1", 60),
    "watch_cluster": _routes.watch_cluster(
        "Scheduler-1",
        "tcp://10.0.0.4:8786",
        name="n",
        deployment="manual",
        method="agent",
        dashboard_url="http://10.0.0.4:8787/status",
        group="/research",
    ),
    "packages": _routes.packages("xgboost", "<2", "imported", "cl_1"),
    "environment": _routes.environment("0" * 64),
    "list_sources": _routes.list_sources("cl_1"),
    "get_source": _routes.get_source("cl_1", "/a.py"),
    "put_source": _routes.put_source("cl_1", "cell:1", "x = 1"),
    "cost": _routes.cost(datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 2, 1, tzinfo=timezone.utc)),
    "cost_breakdown": _routes.cost_breakdown(
        ["user"],
        ["kind=work"],
        since=datetime(2026, 1, 1, tzinfo=timezone.utc),
        until=datetime(2026, 2, 1, tzinfo=timezone.utc),
        zone="Europe/Oslo",
        limit=5,
        figures="invoiced",
    ),
    "cost_arrow": _routes.cost_arrow(
        ["user"],
        ["kind=work"],
        since=datetime(2026, 1, 1, tzinfo=timezone.utc),
        until=datetime(2026, 2, 1, tzinfo=timezone.utc),
        zone="Europe/Oslo",
        limit=5,
        figures="invoiced",
    ),
    "overview": _routes.overview(
        "2026-11",
        since=datetime(2026, 1, 1, tzinfo=timezone.utc),
        until=datetime(2026, 2, 1, tzinfo=timezone.utc),
        zone="Europe/Oslo",
    ),
    "report": _routes.report("2026-W47", group="/research", scope="own"),
    "ledger_months": _routes.ledger_months(),
    "ledger_summary": _routes.ledger_summary(
        datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 2, 1, tzinfo=timezone.utc)
    ),
    "rates": _routes.rates(),
    "sql": _routes.sql(
        "select 1",
        since=datetime(2026, 1, 1, tzinfo=timezone.utc),
        until=datetime(2026, 2, 1, tzinfo=timezone.utc),
        limit=5,
    ),
}


def schema_name(model: type) -> str:
    return SCHEMA_OF.get(model.__name__, model.__name__)


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def json_types(schema: dict[str, Any]) -> set[str]:
    kind = resolve(schema)["type"]
    return {kind} if isinstance(kind, str) else set(kind)


def fits(hint: Any, schema: dict[str, Any]) -> bool:
    """Whether what the contract allows can be read as the hint."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        (hint,) = (a for a in typing.get_args(hint) if a is not type(None))
    origin = typing.get_origin(hint)
    if hint is Any:
        return "type" not in schema
    kinds = json_types(schema) - {"null"}
    if origin is tuple:
        return kinds == {"array"} and fits(typing.get_args(hint)[0], resolve(schema)["items"])
    if origin is Mapping:
        return kinds == {"object"} and fits(typing.get_args(hint)[1], resolve(schema)["additionalProperties"])
    if dataclasses.is_dataclass(hint):
        reference = str(schema.get("$ref", ""))
        return reference.rpartition("/")[2] == schema_name(typing.cast("type", hint))
    if hint is datetime:
        return kinds == {"string"} and resolve(schema).get("format") == "date-time"
    names: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return kinds == {names[hint]}


def test_all_routes_of_the_client_are_checked() -> None:
    assert set(CALLS) == {route.__name__ for route in _routes.ALL}


def test_all_routes_of_the_contract_are_in_the_client() -> None:
    ours = {(call.method.lower(), _routes.BASE + call.template) for call in CALLS.values()}
    theirs = {(method, path) for path, methods in CONTRACT["paths"].items() for method in methods}
    # Sessions are cookies, for browsers. Files are for other tools; the price book, the warehouse, users and groups are IT's, and closing the books finance's: by URL, page or command line.
    managed = {(method, path) for method, path in theirs if path.startswith(("/api/v1/groups", "/api/v1/users"))}
    assert theirs - ours - managed == {
        ("post", "/api/v1/session"),
        ("delete", "/api/v1/session"),
        ("get", "/api/v1/clusters/{cluster_id}/bill.csv"),
        ("get", "/api/v1/clusters/{cluster_id}/profile.folded"),
        ("get", "/api/v1/clusters/{cluster_id}/profile.pb.gz"),
        ("get", "/api/v1/clusters/{cluster_id}/profile.speedscope.json"),
        ("get", "/api/v1/cost.focus.csv"),
        ("get", "/api/v1/cost/breakdown.csv"),
        ("get", "/api/v1/cost/breakdown.parquet"),
        ("get", "/api/v1/reports/{week}/report.csv"),
        ("get", "/api/v1/reports/{week}/report.html"),
        ("get", "/api/v1/reports/{week}/report.txt"),
        # Who is sent mails is for people to say.
        ("get", "/api/v1/reports/subscription"),
        ("put", "/api/v1/reports/subscription"),
        ("post", "/api/v1/reports/test"),
        ("get", "/api/v1/sql/tables"),
        ("post", "/api/v1/sql.parquet"),
        ("get", "/api/v1/ledger/entries"),
        ("get", "/api/v1/ledger/months/{month}"),
        ("post", "/api/v1/ledger/months/{month}/close"),
        ("post", "/api/v1/ledger/months/{month}/import-focus"),
        ("get", "/api/v1/prices"),
        ("get", "/api/v1/prices/coverage"),
        ("post", "/api/v1/prices/import"),
        ("get", "/api/v1/warehouse"),
    }


@pytest.mark.parametrize("name", CALLS)
def test_route(name: str) -> None:
    call = CALLS[name]
    operation = CONTRACT["paths"][_routes.BASE + call.template][call.method.lower()]
    parameters = {(p["in"], p["name"]) for p in operation.get("parameters", ())}
    assert {("path", key) for key in call.path} == {p for p in parameters if p[0] == "path"}
    assert {("query", key) for key in call.query} == {p for p in parameters if p[0] == "query"}

    (status,) = (s for s in operation["responses"] if s.startswith("2"))
    if call.answer is None:
        assert status == "204"
    elif call.answer is bytes:
        (media,) = operation["responses"][status]["content"].values()
        assert (media["schema"]["type"], media["schema"]["format"]) == ("string", "binary")
    else:
        answer = operation["responses"][status]["content"]["application/json"]["schema"]
        assert answer["$ref"].rpartition("/")[2] == schema_name(call.answer)

    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    assert (body is None) == (call.body is None)
    if body is not None:
        check_body(call.body, body, name)


def check_body(value: Any, schema: dict[str, Any], where: str) -> None:
    schema = resolve(schema)
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), where
        assert set(schema.get("required", ())) <= set(value), where
        # The sample says everything that can be said, so that nothing goes unchecked.
        assert set(value) == set(schema["properties"]), where
        for key, part in value.items():
            check_body(part, schema["properties"][key], f"{where}.{key}")
        return
    kinds = {dict: "object", list: "array", str: "string", int: "integer"}
    assert kinds[type(value)] in json_types(schema), where


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_model(model: type) -> None:
    schema = SCHEMAS[schema_name(model)]
    hints = typing.get_type_hints(model)
    fields = {f.name: f for f in dataclasses.fields(model)}
    assert set(fields) == set(schema["properties"])
    for name, field in fields.items():
        assert fits(hints[name], schema["properties"][name]), f"{model.__name__}.{name}"
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        assert optional or name in schema["required"], f"{model.__name__}.{name} may be absent"


def test_all_answers_of_the_contract_have_a_model() -> None:
    requests = {
        "CreateClusterRequest",
        "PutSourceRequest",
        "ScaleRequest",
        "SignInRequest",
        "SQLRequest",
        "TokenRequest",
        "WatchRequest",
    }
    price_book = {"PriceCoverage", "PriceEntry", "PriceImport", "PriceLeftOut", "PriceList"}
    price_book |= {"Warehouse", "DamagedFile"}  # for those who run the server
    managed = {"Group", "GroupList", "Member", "MemberList", "NewUser", "SignInLink", "UserList"}
    managed |= {"ChangeGroupRequest", "CreateGroupRequest", "CreateUserRequest", "PutMemberRequest"}
    tables = {"SQLTable", "SQLTableColumn", "SQLTableList"}  # of the console page and the command line
    books = {
        "LedgerCheck",
        "LedgerEntry",
        "LedgerEntryList",
        "LedgerFactor",
        "LedgerImport",
        "LedgerMonthDetails",
        "LedgerNotOurs",
        "LedgerTotal",
        "LedgerTrueUp",
    }
    mails = {"ReportMail", "ReportSubscription", "TestReportRequest"}
    described = requests | tables | price_book | managed | books | mails | {"Error"}
    assert {schema_name(m) for m in MODELS} == set(SCHEMAS) - described


def test_errors_have_the_fields_that_are_read() -> None:
    assert set(SCHEMAS["Error"]["properties"]) == {"code", "message", "fields"}
    assert SCHEMAS["Error"]["properties"]["fields"]["items"]["$ref"].endswith("/FieldError")
    for methods in CONTRACT["paths"].values():
        for operation in methods.values():
            assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("/Error")


def test_statuses_are_those_that_are_decided_on() -> None:
    statuses = SCHEMAS["Cluster"]["properties"]["status"]["enum"]
    assert set(statuses) == {"pending", "starting", "running", "stopping", "stopped", "failed"}
    assert SCHEMAS["Cluster"]["properties"]["target"]["enum"] == ["running", "stopped"]


def test_public_names_include_all_models() -> None:
    assert {m.__name__ for m in MODELS} <= set(lineitem.__all__)
