"""What a server says, for tests that need no server."""

from __future__ import annotations

from typing import Any

NOW = "2026-01-02T03:04:05Z"
RATES = {"currency": "USD", "core_hour_nanos": 40_000_000, "gigabyte_hour_nanos": 5_000_000, "source": "Configured"}


def cluster(**changes: Any) -> dict[str, Any]:
    """Return a cluster as it travels."""
    return {
        "id": "cl_1",
        "name": "ana-1",
        "owner": {"id": "us_1", "name": "ana", "role": "admin"},
        "backend": "local",
        "options": {"n_workers": 2, "nthreads": 1, "memory_bytes": 4_000_000_000},
        "status": "starting",
        "target": "running",
        "reason": "",
        "scheduler_address": "",
        "dashboard_url": "",
        "url": "/clusters/cl_1",
        "created_at": NOW,
        "currency": "USD",
        "rate_nanos_per_hour": 7_970_000_000,
        "cost_nanos": 420_000_000,
        "n_workers_running": 0,
        **changes,
    }


def line(cost_nanos: int, **changes: Any) -> dict[str, Any]:
    """Return a line of a bill as it travels."""
    return {
        "file": "/home/ana/load.py",
        "line": 14,
        "function": "load",
        "text": "    return pd.read_csv(path)",
        "cost_nanos": cost_nanos,
        "thread_seconds": 1.5,
        "cpu_seconds": 1.0,
        "prefixes": [{"prefix": "read-csv", "cost_nanos": cost_nanos, "thread_seconds": 1.5}],
        **changes,
    }


def bill(lines: list[dict[str, Any]], categories: dict[str, int], unknown: int = 0) -> dict[str, Any]:
    """Return a bill as it travels, whose parts sum to its total."""
    total = sum(part["cost_nanos"] for part in lines) + sum(categories.values()) + unknown
    return {
        "cluster_id": "cl_1",
        "currency": "USD",
        "start": NOW,
        "as_of": "2026-01-02T03:07:15Z",
        "total_nanos": total,
        "lines": lines,
        "categories": [{"name": k, "cost_nanos": v, "thread_seconds": 2.0} for k, v in categories.items()],
        "unknown_nanos": unknown,
        "coverage_seconds": 370.0,
        "capacity_seconds": 380.0,
        "rates": RATES,
    }
