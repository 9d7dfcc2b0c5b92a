"""One window of one worker as the bytes that travel: dictionary-coded msgpack, see ``docs/telemetry.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lineitem.agent.common._batch import MAX_BATCH_BYTES, Epoch, pack
from lineitem.agent.common._stacks import USER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineitem.agent.common._stacks import Resolver
    from lineitem.agent.worker._ledger import Owner, Window
    from lineitem.agent.worker._sampler import SampleKey

# Frames of packages below the innermost user code: what is tried, one after the other, until a batch fits its budget.
_BELOW = (8, 4, 2)

_Stack = tuple[tuple[str, str, str, int], ...]
_Resolved = dict[tuple["Owner", str, _Stack], list[int]]


class Table:
    """Rows numbered in order of first use."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._index: dict[Any, int] = {}

    def index(self, value: Any) -> int:
        """Return the number of a row."""
        found = self._index.get(value)
        if found is None:
            found = self._index[value] = len(self.rows)
            self.rows.append(value)
        return found


class Encoded(NamedTuple):
    """An encoded window.

    Parameters
    ----------
    batch
        The bytes.
    full_size
        Their number if no frames had been left out.
    user_files
        Names of the files of user code seen in this window.
    """

    batch: bytes
    full_size: int
    user_files: set[str]


def encode_window(
    epoch: Epoch,
    window: Window,
    samples: Mapping[SampleKey, list[int]],
    resolver: Resolver,
    *,
    final: bool,
    budget: int,
    res: Mapping[str, Any] | None,
    health: Mapping[str, int],
    software: Mapping[str, Any] | None = None,
) -> Encoded:
    """Encode a worker batch.

    Where it would exceed the budget, stacks are cut to fewer frames of packages below the innermost user code; user
    code itself is never cut. Where it would exceed what the server takes, the samples with the least weight are left
    out. The ledger always travels whole.
    """
    resolved: _Resolved = {}
    users: set[str] = set()
    for (owner, part, stack), weight in samples.items():
        frames = tuple(resolver.frame(stack[i], stack[i + 1]) for i in range(len(stack) - 2, -1, -2))
        _add(resolved, (owner, part, frames), weight)
        users.update(frame[0] for frame in frames if frame[1] == USER)
    head = epoch.head("worker")
    head["final"] = final
    dropped = 0

    def encode(samples: _Resolved) -> bytes:
        body = _body(epoch, window, samples)
        if res is not None:
            body["res"] = dict(res)
        if software is not None:
            body["software"] = dict(software)
        body["health"] = {**health, "dropped": health.get("dropped", 0) + dropped}
        return pack({**head, **body})

    packed = encode(resolved)
    full_size = len(packed)
    for below in _BELOW:
        if len(packed) <= budget:
            break
        resolved = _cut(resolved, below)
        packed = encode(resolved)
    while len(packed) > MAX_BATCH_BYTES and resolved:
        heaviest = sorted(resolved.items(), key=lambda item: -item[1][0])[: len(resolved) // 2]
        dropped += len(resolved) - len(heaviest)
        resolved = dict(heaviest)
        packed = encode(resolved)
    return Encoded(packed, full_size, users)


def _add(samples: _Resolved, key: tuple[Owner, str, _Stack], weight: list[int]) -> None:
    total = samples.setdefault(key, [0, 0])
    total[0] += weight[0]
    total[1] += weight[1]


def _cut(samples: _Resolved, below: int) -> _Resolved:
    """Keep a number of frames below the innermost user code; a few more where a stack holds none."""
    cut: _Resolved = {}
    for (owner, part, stack), weight in samples.items():
        innermost = max((at for at, frame in enumerate(stack) if frame[1] == USER), default=1)
        _add(cut, (owner, part, stack[: innermost + 1 + below]), weight)
    return cut


def _body(epoch: Epoch, window: Window, resolved: _Resolved) -> dict[str, Any]:
    strings, files, frames, stacks = Table(), Table(), Table(), Table()
    samples = []
    for ((submission, prefix, origin), part, stack), (wall, cpu) in resolved.items():
        numbers = tuple(
            frames.index((files.index((file, kind)), strings.index(function), line))
            for file, kind, function, line in stack
        )
        where = (strings.index(prefix), stacks.index(numbers))
        samples.append((submission, *where, wall, cpu, origin, 1 + strings.index(part) if part else 0))
    ledger = [
        (submission, strings.index(prefix), slot, thread, done, failed, origin, native)
        for (submission, prefix, origin), (slot, thread, done, failed, native) in window.rows.items()
    ]
    return {
        "t0_us": epoch.utc_us(window.t0),
        "t1_us": epoch.utc_us(window.t1),
        "nthreads": window.nthreads,
        "strings": strings.rows,
        "files": files.rows,
        "frames": frames.rows,
        "stacks": stacks.rows,
        "ledger": ledger,
        "samples": samples,
        "idle": window.idle,
        "cum": {
            "capacity_us": window.cum_capacity_us,
            "slot_us": window.cum_slot_us,
            "native_us": window.cum_native_us,
            "idle_us": window.cum_idle_us,
        },
    }
