"""Workers that come and go, and what the cluster is, as the scheduler sees them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import dask

from lineitem.agent.common._agreed import watched_process_id
from lineitem.agent.common._batch import monotonic_us
from lineitem.agent.scheduler._cluster import facts

if TYPE_CHECKING:
    from lineitem.agent.common._batch import Epoch
    from lineitem.agent.common._config import AgentConfig

MAX_PENDING = 5_000
MAX_WORKERS = 20_000
_MAX_TEXT = 200


class Lifecycle:
    """Keeps the rows of workers and the cluster that have not been sent yet.

    All workers are told of where Lineitem did not start them. Else the server knows them better than their scheduler, and hears only of those that vanished
    with tasks: a nanny may have started a new one before anybody else could notice.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler``.
    config
        Which cluster this is.
    epoch
        The agent's clock.
    """

    def __init__(self, scheduler: Any, config: AgentConfig, epoch: Epoch) -> None:
        self._scheduler = scheduler
        self._config = config
        self._epoch = epoch
        self._rows: dict[str, dict[str, Any]] = {}
        self._pending: dict[str, dict[str, Any]] = {}
        self._cluster: dict[str, Any] = {}
        self._cluster_sent = False

    def __len__(self) -> int:
        return len(self._pending) + (not self._cluster_sent)

    def begin(self) -> None:
        """Take in the workers that are there already."""
        for address in list(self._scheduler.workers):
            self.add(address)

    def add(self, address: str) -> None:
        """Note a worker that has come."""
        if len(self._rows) >= MAX_WORKERS:
            return
        ws = self._scheduler.workers[address]
        row = {
            "process": watched_process_id(self._config.cluster, ws.name, str(ws.server_id)),
            "name": str(ws.name)[:_MAX_TEXT],
            "host": str(ws.host)[:_MAX_TEXT],
            "nthreads": int(ws.nthreads),
            "memory_bytes": int(ws.memory_limit or 0),
            "started_us": self._now(),
            "ended_us": 0,
            "reason": "",
            "lost_tasks": 0,
        }
        self._rows[address] = row
        if self._config.watched:
            self._put(row)

    def remove(self, address: str) -> None:
        """Note a worker that has gone, and what it was doing when it went."""
        row = self._rows.pop(address, None)
        if row is None:
            return
        lost, expected = self._last_words(address)
        row["ended_us"] = self._now()
        row["lost_tasks"] = 0 if expected else min(lost, row["nthreads"])
        row["reason"] = "retired" if expected else "lost" if lost else "closed"
        if self._config.watched or row["lost_tasks"]:
            self._put(row)

    def _last_words(self, address: str) -> tuple[int, bool]:
        """Return how many tasks Dask had given a worker that has just gone, and whether its going was expected."""
        for _, event in reversed(self._scheduler.get_events(address)):
            if isinstance(event, dict) and event.get("action") == "remove-worker":
                return len(event.get("processing-tasks") or ()), bool(event.get("expected"))
        return 0, False

    def _put(self, row: dict[str, Any]) -> None:
        if len(self._pending) >= MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
        self._pending[row["process"]] = dict(row)

    def _now(self) -> int:
        return self._epoch.utc_us(monotonic_us())

    def take(self) -> dict[str, Any]:
        """Take out the sections of a scheduler batch: workers, and the cluster if anything about it is new."""
        workers, self._pending = list(self._pending.values()), {}
        cluster = self._describe()
        told = {"workers": workers, "cluster": cluster if cluster != self._cluster else {}}
        self._cluster, self._cluster_sent = cluster, True
        return told

    def _describe(self) -> dict[str, Any]:
        known = facts(self._scheduler)
        try:
            user = getpass.getuser()
        except Exception:  # in a container the user may have no name
            user = ""
        return {
            "deployment": known["deployment"],
            "scheduler_address": known["scheduler_address"],
            "dashboard": known["dashboard_url"],
            "host": known["host"],
            "user": user,
            "python": known["python"],
            "dask": str(dask.__version__),
            "distributed": known["distributed"],
        }
