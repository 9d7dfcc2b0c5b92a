"""The logs of a cluster in the form that Dask's ``get_logs`` has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.utils import Log, Logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineitem._models import Event, LogsList


def select_logs(
    logs: LogsList,
    events: Iterable[Event],
    *,
    scheduler: bool,
    workers: bool | Iterable[str],
    known: Mapping[str, Mapping[str, Any]],
) -> Logs:
    """Choose and name logs.

    Parameters
    ----------
    logs : LogsList
        What the server has.
    events : iterable of Event
        What happened to the cluster, newest first; empty for none.
    scheduler : bool
        Whether to include the scheduler.
    workers : bool or iterable of str
        All workers, none, or these, by name or Dask address.
    known : mapping
        The scheduler's workers by address.
    """
    chosen = Logs()
    lines = [f"{event.at:%Y-%m-%d %H:%M:%S} {event.message}" for event in events]
    if lines:
        chosen["Cluster"] = Log("\n".join(reversed(lines)))
    some = None
    if not isinstance(workers, bool):
        some = {str(known[worker]["name"]) if worker in known else worker for worker in workers}
    for log in logs.items:
        wanted = bool(workers) if some is None else log.name in some
        if log.name == "scheduler":
            wanted = scheduler
        if wanted:
            # A worker that was replaced has one log for each of its lives.
            before = f"{chosen[log.name]}\n" if log.name in chosen else ""
            chosen[log.name] = Log(before + log.text)
    return chosen
