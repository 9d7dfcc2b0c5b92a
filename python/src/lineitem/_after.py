"""What is said after a computation: one quiet line, such as ``$0.42 · 3 min 10 s · 61 % parsing CSV (load.py:14) · 22 % idle``.

In a notebook or IPython it stands below a cell that had work done; a script gets it on stderr when its cluster closes. It
costs at most two seconds, never raises, and ``lineitem.receipts: false`` switches it off.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import dask.config

from lineitem import _config
from lineitem._cells import shell_now
from lineitem._html import line_html
from lineitem._money import NARROW, format_money, format_seconds
from lineitem._view import place_of
from lineitem._words import operation_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem._models import Receipt

logger = logging.getLogger("lineitem")

PATIENCE_S = 2.0
FLUSH_S = 1.2
_WORTH_SECONDS = 1.0
_WORTH_NANOS = 10_000_000  # a cent
_WORTH_IDLE = 10


def enabled() -> bool:
    """Whether the line is wanted."""
    return bool(dask.config.get("lineitem.receipts", True))


def receipt_parts(receipt: Receipt, seconds: float, place: str = "") -> list[str]:
    """Return what there is to say, nothing if it is not worth a line: money, time, the dearest line, waste.

    Parameters
    ----------
    receipt : Receipt
        What the server says.
    seconds : float
        How long it took.
    place : str
        What the dearest line is called here.
    """
    if receipt.work_nanos <= 0 or (seconds < _WORTH_SECONDS and receipt.cost_nanos < _WORTH_NANOS):
        return []
    money = format_money(receipt.cost_nanos, receipt.currency)
    parts = [money if receipt.complete else f"{money} so far", format_seconds(seconds)]
    top = receipt.top
    share = 0
    if top is not None and receipt.cost_nanos > 0:
        share = min(100, round(100 * top.cost_nanos / receipt.cost_nanos))
        where = f" ({place})" if place else ""
        parts.append(f"{share}{NARROW}% {operation_words(top.operation)}{where}")
    idle = min(100 - share, round(100 * receipt.idle_share))
    if idle >= _WORTH_IDLE:
        parts.append(f"{idle}{NARROW}% idle")
    return parts


@dataclass
class Account:
    """A cluster of a Lineitem server that a Dask client of this process uses."""

    client: Any
    cluster_id: str
    target: _config.Target

    @property
    def client_id(self) -> str:
        """Dask's id of the client."""
        return str(self.client.id)

    @property
    def url(self) -> str:
        """The cluster's page."""
        return urljoin(self.target.server + "/", f"/clusters/{self.cluster_id}")

    def flush(self, timeout: float) -> bool:
        """Let the workers report now, so that what follows is up to date; tell whether it is.

        Not for a thread that runs an event loop.
        """
        if self.client.status != "running" or self.client.asynchronous:
            return False
        try:
            return bool(self.client.sync(flush, self.client.scheduler, timeout))
        except Exception:  # then the figures are some seconds old
            return False

    def receipt(self, since: datetime) -> Receipt:
        """Return the cost since a moment."""
        from lineitem._client import Lineitem

        token = self.target.token.reveal() if self.target.token is not None else None
        with Lineitem(self.target.server, token, timeout=PATIENCE_S) as api:
            return api.receipt(self.cluster_id, since=since, client=self.client_id)


async def flush(scheduler: Any, timeout: float) -> bool:
    """Ask a scheduler to let all workers report at once; tell whether the server has it all. Older agents cannot."""
    try:
        answer = await asyncio.wait_for(scheduler.lineitem_flush(), timeout)
    except Exception:
        return False
    return isinstance(answer, dict) and answer.get("complete") is True


_targets: weakref.WeakKeyDictionary[Any, _config.Target] = weakref.WeakKeyDictionary()


def know(client: Any, target: _config.Target) -> None:
    """Remember which server a client's cluster is watched by."""
    with suppress(TypeError):
        _targets[client] = target


def accounts() -> list[Account]:
    """Return the Lineitem clusters that clients of this process are connected to."""
    module = sys.modules.get("distributed.client")
    if module is None:
        return []
    found = []
    for client in list(module.Client._instances):
        with suppress(Exception):
            account = _account(client)
            if account is not None:
                found.append(account)
    return found


def _account(client: Any) -> Account | None:
    if client.status != "running":
        return None
    from lineitem._life import ClusterLife

    cluster = client.cluster
    if isinstance(cluster, ClusterLife):
        return Account(client, cluster.id, cluster._target) if cluster.id else None
    said = client._scheduler_identity.get("lineitem")
    if not isinstance(said, dict) or not said.get("cluster"):
        return None
    # Never the server that a scheduler names: it would get this user's token.
    return Account(client, str(said["cluster"]), _targets.get(client) or _config.resolve())


def graphs_sent() -> dict[str, int] | None:
    """Return how many graphs each client has sent to Lineitem's agents, by client id; None if nobody counts."""
    hooks = sys.modules.get("lineitem.origins._hooks")
    shipper = getattr(hooks, "shipper", None)
    counts = getattr(shipper, "graphs", None)
    return dict(counts) if isinstance(counts, dict) else None


def say(work: Callable[[], str | None], patience: float = PATIENCE_S) -> str | None:
    """Call something that talks to the network, in a thread of its own, and wait so long for it at most."""
    answer: list[str | None] = []

    def ask() -> None:
        try:
            answer.append(work())
        except Exception:
            logger.debug("What the last computation cost could not be found out", exc_info=True)

    thread = threading.Thread(target=ask, name="lineitem-receipt", daemon=True)
    thread.start()
    thread.join(patience)
    return answer[0] if answer else None


class CellWatch:
    """Says after each cell what it cost, if it had work done on a Lineitem cluster.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell whose cells are watched.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._since = datetime.now(timezone.utc)
        self._begin = time.monotonic()
        self._before: dict[str, int] | None = None
        self._muted = False

    def before(self, *_: Any) -> None:
        """Note the beginning of a cell."""
        self._muted = False
        self._since = datetime.now(timezone.utc)
        self._begin = time.monotonic()
        self._before = graphs_sent()

    def mute(self) -> None:
        """Say nothing after the cell that is running: something else has."""
        self._muted = True

    def after(self, *_: Any) -> None:
        """Say what the cell cost. Never raises."""
        try:
            if enabled() and not self._muted:
                self._say()
        except Exception:
            logger.debug("The line after a cell could not be shown", exc_info=True)

    def _say(self) -> None:
        seconds = time.monotonic() - self._begin
        worked = self._worked(seconds)
        if not worked:
            return
        since = self._since
        deadline = time.monotonic() + PATIENCE_S
        for account in worked:

            def line(account: Account = account) -> str | None:
                account.flush(FLUSH_S)
                return self._line(account, account.receipt(since), seconds)

            self._show(say(line, max(0.0, deadline - time.monotonic())))

    def _worked(self, seconds: float) -> list[Account]:
        """Return the clusters that got work from this cell, as far as that is known."""
        counts = graphs_sent()
        if counts is None:
            return accounts() if seconds >= _WORTH_SECONDS else []
        before = self._before or {}
        if counts == before:
            return []
        return [a for a in accounts() if counts.get(a.client_id, 0) > before.get(a.client_id, 0)]

    def _line(self, account: Account, receipt: Receipt, seconds: float) -> str | None:
        top = receipt.top
        place = place_of(top.file, top.line) if top is not None else ""
        parts = receipt_parts(receipt, seconds, place)
        if not parts:
            return None
        return f"{account.url}\n{' · '.join(parts)}"

    def _show(self, said: str | None) -> None:
        if not said:
            return
        url, _, text = said.partition("\n")
        if getattr(self._shell, "kernel", None) is None:
            print(text)  # noqa: T201 -- a terminal, where the user looks
            return
        from IPython.display import display

        display({"text/plain": text, "text/html": line_html(text, url)}, raw=True)


_watches: weakref.WeakKeyDictionary[Any, CellWatch] = weakref.WeakKeyDictionary()


def install(shell: Any) -> CellWatch:
    """Watch the cells of a shell and give it the ``%%cost`` magic; once, however often it is called."""
    watch = _watches.get(shell)
    if watch is None:
        from lineitem._magic import CostMagics

        watch = _watches[shell] = CellWatch(shell)
        shell.register_magics(CostMagics(shell, watch))
        shell.events.register("pre_run_cell", watch.before)
        shell.events.register("post_run_cell", watch.after)
    return watch


def uninstall(shell: Any) -> None:
    """Watch the cells no more."""
    watch = _watches.pop(shell, None)
    if watch is not None:
        shell.events.unregister("pre_run_cell", watch.before)
        shell.events.unregister("post_run_cell", watch.after)


def print_line(receipt: Receipt, seconds: float, url: str) -> None:
    """Print the line of a script on stderr: into its log too, if that is where stderr goes."""
    top = receipt.top
    parts = receipt_parts(receipt, seconds, place_of(top.file, top.line) if top is not None else "")
    if parts and sys.stderr is not None:
        with suppress(OSError, ValueError, UnicodeError):
            print("lineitem:", " · ".join(parts), f"· {url}", file=sys.stderr)  # noqa: T201 -- what this is for


def in_script() -> bool:
    """Whether the line belongs at the end: work was asked for, and nobody saw a line after each cell."""
    return enabled() and shell_now() is None and graphs_sent() != {}


_watched: list[tuple[Any, str, _config.Target, datetime]] = []


def say_at_exit(client: Any, cluster_id: str, target: _config.Target) -> None:
    """Say at the end of the process what a watched cluster cost meanwhile; once for each cluster."""
    know(client, target)
    if cluster_id and all(known[1] != cluster_id for known in _watched):
        _watched.append((weakref.ref(client), cluster_id, target, datetime.now(timezone.utc)))


@atexit.register
def _say_all() -> None:
    if not _watched or not in_script():
        return
    deadline = time.monotonic() + PATIENCE_S
    for reference, cluster_id, target, since in _watched:
        client = reference()

        def line(
            client: Any = client, cluster_id: str = cluster_id, target: _config.Target = target, since: datetime = since
        ) -> None:
            account = Account(client, cluster_id, target)
            if client is not None:
                account.flush(FLUSH_S)
            receipt = _receipt_of_all(target, cluster_id, since)
            print_line(receipt, (datetime.now(timezone.utc) - since).total_seconds(), account.url)

        say(line, max(0.0, deadline - time.monotonic()))


def _receipt_of_all(target: _config.Target, cluster_id: str, since: datetime) -> Receipt:
    """Return the cost of a cluster since a moment, whoever's work it was."""
    from lineitem._client import Lineitem

    token = target.token.reveal() if target.token is not None else None
    with Lineitem(target.server, token, timeout=PATIENCE_S) as api:
        return api.receipt(cluster_id, since=since)
