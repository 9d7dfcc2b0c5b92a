"""Print what the agents of all workers said about themselves, from a server's database."""

from __future__ import annotations

import json
import sqlite3
import sys

import msgpack

with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as database:
    payloads = database.execute("SELECT payload FROM batches WHERE kind = 'worker'").fetchall()
figures = {
    "windows": 0,
    "seconds": 0.0,
    "thread_seconds": 0.0,
    "agent_seconds": 0.0,
    "bytes": 0,
    "dropped": 0,
    "errors": 0,
}
for (payload,) in payloads:
    batch = msgpack.unpackb(payload, strict_map_key=False)
    seconds = (batch["t1_us"] - batch["t0_us"]) / 1e6
    health = batch.get("health") or {}
    figures["windows"] += 1
    figures["seconds"] += seconds
    figures["thread_seconds"] += seconds * batch["nthreads"]
    figures["agent_seconds"] += health.get("self_cpu_us", 0) / 1e6
    figures["bytes"] += len(payload)
    figures["dropped"] = max(figures["dropped"], health.get("dropped", 0))
    figures["errors"] = max(figures["errors"], health.get("errors", 0))
sys.stdout.write(json.dumps(figures) + "\n")
