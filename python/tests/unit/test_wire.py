from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 -- resolved at run time, as in the models
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest

from lineitem import ClusterOptions, Credentials, Token
from lineitem._wire import WireError, decode, parse_time


@dataclass(frozen=True, kw_only=True)
class Part:
    n: int


@dataclass(frozen=True, kw_only=True)
class Whole:
    name: str
    share: float = 0.0
    at: datetime | None = None
    parts: tuple[Part, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    part: Part | None = None


def test_decodes_nested_values() -> None:
    whole = decode(
        Whole,
        {
            "name": "x",
            "share": 1,
            "at": "2026-01-02T03:04:05.123456789Z",
            "parts": [{"n": 1}, {"n": 2}],
            "env": {"A": "b"},
            "part": {"n": 3},
        },
    )
    assert whole.share == 1.0
    assert whole.at == datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=timezone.utc)
    assert whole.parts == (Part(n=1), Part(n=2))
    assert dict(whole.env) == {"A": "b"}
    assert whole.part == Part(n=3)


def test_fields_of_a_newer_server_are_ignored_and_absent_ones_have_defaults() -> None:
    assert decode(Whole, {"name": "x", "new": 1}) == Whole(name="x")


def test_null_is_an_empty_list_or_none() -> None:
    whole = decode(Whole, {"name": "x", "parts": None, "env": None, "at": None})
    assert (whole.parts, dict(whole.env), whole.at) == ((), {}, None)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], "expected an object"),
        ({}, "Whole.name is missing"),
        ({"name": 1}, "Whole.name: expected str"),
        ({"name": "x", "parts": [{"n": "1"}]}, "Part.n: expected int"),
        ({"name": "x", "parts": [{"n": True}]}, "Part.n: expected int"),
        ({"name": "x", "share": "1"}, "Whole.share: expected a number"),
        ({"name": "x", "at": "yesterday"}, "RFC 3339"),
        ({"name": "x", "env": {"A": 1}}, "Whole.env: expected str"),
    ],
)
def test_wrong_shapes_name_the_place(data: Any, where: str) -> None:
    with pytest.raises(WireError, match=where):
        decode(Whole, data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=timezone.utc)),
        ("2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=timezone.utc)),
        ("2026-01-01T00:00:00.5Z", datetime(2026, 1, 1, 0, 0, 0, 500000, tzinfo=timezone.utc)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


def test_secrets_are_not_in_reprs() -> None:
    token = Token(id="tk_1", name="laptop", secret="s3cret", created_at=datetime.now(timezone.utc))
    assert "s3cret" not in repr(token)
    assert "s3cret" not in repr(ClusterOptions(n_workers=1, env={"PASSWORD": "s3cret"}))
    pem = "-----BEGIN EC PRIVATE KEY-----"
    keys = Credentials(scheduler_address="tls://h:1", ca_pem=pem, certificate_pem=pem, key_pem=pem)
    assert "PRIVATE" not in repr(keys)
