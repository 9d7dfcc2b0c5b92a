"""From JSON to frozen dataclasses, by their type hints.

Unknown fields are ignored, so that an older client can read a newer server; a field without a default must be there.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar, cast

T = TypeVar("T")

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


class WireError(ValueError):
    """The data has not the shape of the type."""


def decode(cls: type[T], data: object) -> T:
    """Make a dataclass from decoded JSON.

    Raises
    ------
    WireError
        If a field is missing or has another type.
    """
    if not isinstance(data, dict):
        raise WireError(f"{cls.__name__}: expected an object, got {type(data).__name__}")
    values = {}
    plan: dict[str, tuple[Any, bool]] = _plan(cast("Any", cls))
    for name, (hint, required) in plan.items():
        if name in data:
            values[name] = _value(hint, data[name], f"{cls.__name__}.{name}")
        elif required:
            raise WireError(f"{cls.__name__}.{name} is missing")
    return cls(**values)


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as UTC; digits beyond the microsecond are cut."""
    found = _TIME.fullmatch(text)
    if not found:
        raise WireError(f"not an RFC 3339 time: {text!r}")
    seconds, fraction, zone = found.groups()
    micros = (fraction or "0").ljust(6, "0")[:6]
    return datetime.fromisoformat(f"{seconds}.{micros}{'+00:00' if zone == 'Z' else zone}").astimezone(timezone.utc)


@functools.cache
def _plan(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Return the resolved hint of each field and whether it must be there."""
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        f.name: (hints[f.name], f.default is missing and f.default_factory is missing) for f in dataclasses.fields(cls)
    }


def _value(hint: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if data is None:
            return None
        (hint,) = (a for a in typing.get_args(hint) if a is not type(None))
        return _value(hint, data, where)
    if origin is tuple:
        # Go writes an empty list as null where the field may be absent.
        items = _expect(list, data if data is not None else [], where)
        return tuple(_value(typing.get_args(hint)[0], item, where) for item in items)
    if origin is Mapping:
        entries = _expect(dict, data if data is not None else {}, where)
        value_hint = typing.get_args(hint)[1]
        return types.MappingProxyType({k: _value(value_hint, v, where) for k, v in entries.items()})
    if hint is Any:
        return data
    if hint is datetime:
        return parse_time(_expect(str, data, where))
    if hint is float:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            raise WireError(f"{where}: expected a number, got {type(data).__name__}")
        return float(data)
    if dataclasses.is_dataclass(hint):
        return decode(cast("type[Any]", hint), data)
    return _expect(hint, data, where)


def _expect(kind: type[T], data: object, where: str) -> T:
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise WireError(f"{where}: expected {kind.__name__}, got {type(data).__name__}")
    return data
