"""Two windows of one worker made into one, when too many wait: the times stay exact, only *when* gets coarser."""

from __future__ import annotations

from typing import Any

import msgpack

from lineitem.agent.common._batch import MAX_BATCH_BYTES, pack
from lineitem.agent.worker._window import Table

MAX_WINDOW_US = 3_600_000_000

_GAUGES = {"memory_limit_bytes", "rss_bytes", "managed_bytes", "spilled_bytes", "memory_total_bytes", "index"}


def merge(first: bytes, second: bytes) -> bytes | None:
    """Merge two batches of one epoch of a worker, the first of which was never sent.

    Parameters
    ----------
    first, second
        Batches as they travel.

    Returns
    -------
    bytes or None
        One batch with the second's number; ``None`` if they do not join, are no windows, or would make too large a batch.
    """
    early, late = msgpack.unpackb(first), msgpack.unpackb(second)
    same = ("kind", "epoch", "process", "nthreads", "method")
    if early.get("kind") != "worker" or any(early.get(name) != late.get(name) for name in same):
        return None
    if early["t1_us"] != late["t0_us"] or late["t1_us"] - early["t0_us"] > MAX_WINDOW_US:
        return None
    merged = {**late, "t0_us": early["t0_us"], **_tables(early, late)}
    merged["idle"] = _sum(early["idle"], late["idle"])
    for name, add in (("res", _add_resources), ("software", _add_software), ("health", _add_health)):
        if name in early:
            merged[name] = add(early[name], late[name]) if name in late else early[name]
    packed = pack(merged)
    return packed if len(packed) <= MAX_BATCH_BYTES else None


def _tables(early: dict[str, Any], late: dict[str, Any]) -> dict[str, Any]:
    strings, files, frames, stacks = Table(), Table(), Table(), Table()
    ledger: dict[tuple[int, int, int], list[int]] = {}
    samples: dict[tuple[int, int, int, int, int], list[int]] = {}
    for batch in (early, late):
        names = [strings.index(name) for name in batch["strings"]]
        numbers = [files.index(tuple(file)) for file in batch["files"]]
        places = [frames.index((numbers[file], names[function], line)) for file, function, line in batch["frames"]]
        ways = [stacks.index(tuple(places[frame] for frame in stack)) for stack in batch["stacks"]]
        for submission, prefix, slot, thread, done, failed, origin, native in batch["ledger"]:
            row = ledger.setdefault((submission, names[prefix], origin), [0] * 5)
            for at, value in enumerate((slot, thread, done, failed, native)):
                row[at] += value
        for submission, prefix, stack, wall, cpu, origin, part in batch["samples"]:
            where = (submission, names[prefix], ways[stack], origin, 1 + names[part - 1] if part else 0)
            weight = samples.setdefault(where, [0, 0])
            weight[0] += wall
            weight[1] += cpu
    return {
        "strings": strings.rows,
        "files": files.rows,
        "frames": frames.rows,
        "stacks": stacks.rows,
        "ledger": [(who[0], who[1], *row[:4], who[2], row[4]) for who, row in ledger.items()],
        "samples": [(*where[:3], *weight, *where[3:]) for where, weight in samples.items()],
    }


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


def _add_resources(early: dict[str, Any], late: dict[str, Any]) -> dict[str, Any]:
    """Add what was used; of gauges the later one counts, of peaks the higher."""
    merged = {**early, **late}
    for name in early.keys() & late.keys():
        if name == "gpus":
            by_id = {gpu.get("uuid"): gpu for gpu in early["gpus"]}
            now = {gpu.get("uuid"): gpu for gpu in late["gpus"]}
            merged["gpus"] = [
                _add_resources(by_id[uuid], now[uuid]) if uuid in by_id and uuid in now else {**by_id, **now}[uuid]
                for uuid in {**by_id, **now}
            ]
        elif isinstance(late[name], str) or name in _GAUGES:
            continue
        elif "peak" in name:
            merged[name] = max(early[name], late[name])
        else:
            merged[name] = early[name] + late[name]
    return merged


def _add_software(early: dict[str, Any], late: dict[str, Any]) -> dict[str, Any]:
    return {**late, "imported": [*early.get("imported", ()), *late.get("imported", ())]}


def _add_health(early: dict[str, Any], late: dict[str, Any]) -> dict[str, Any]:
    merged = {**early, **late}
    for name in ("self_cpu_us", "ticks"):
        merged[name] = early.get(name, 0) + late.get(name, 0)
    merged["max_gap_us"] = max(early.get("max_gap_us", 0), late.get("max_gap_us", 0))
    return merged
