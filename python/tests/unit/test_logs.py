from __future__ import annotations

from typing import Any

import pytest
from samples import NOW

from lineitem import EventList, LogsList
from lineitem._logs import select_logs
from lineitem._wire import decode

LOGS = decode(
    LogsList,
    {
        "items": [
            {"process_id": f"p{i}", "name": name, "text": f"log {i}", "truncated": False}
            for i, name in enumerate(["scheduler", "w-0", "w-0", "w-1"])
        ]
    },
)
EVENTS = decode(
    EventList, {"items": [{"id": i, "at": NOW, "kind": "scaled", "message": f"event {i}"} for i in (2, 1)]}
).items
KNOWN = {"tls://a": {"name": "w-0"}, "tls://b": {"name": "w-1"}}


@pytest.mark.parametrize(
    ("scheduler", "workers", "names"),
    [
        (True, True, ["Cluster", "scheduler", "w-0", "w-1"]),
        (False, True, ["Cluster", "w-0", "w-1"]),
        (True, False, ["Cluster", "scheduler"]),
        (False, ["w-1"], ["Cluster", "w-1"]),
        (False, ["tls://a"], ["Cluster", "w-0"]),
        (False, [], ["Cluster"]),
    ],
)
def test_logs_are_chosen_as_dask_does(scheduler: bool, workers: Any, names: list[str]) -> None:
    assert list(select_logs(LOGS, EVENTS, scheduler=scheduler, workers=workers, known=KNOWN)) == names


def test_events_are_oldest_first_and_lives_of_a_worker_follow_each_other() -> None:
    logs = select_logs(LOGS, EVENTS, scheduler=True, workers=True, known=KNOWN)
    assert logs["Cluster"] == "2026-01-02 03:04:05 event 1\n2026-01-02 03:04:05 event 2"
    assert logs["w-0"] == "log 1\nlog 2"
    assert "Cluster" not in select_logs(LOGS, [], scheduler=True, workers=True, known=KNOWN)
