"""What is said after a computation, and when: below a cell of a notebook or IPython that had work done, and at the end of a script.

It costs at most two seconds and never raises. The clusters that :class:`lineitem.Cluster` started speak for themselves when they close.
"""

from __future__ import annotations

import atexit
import logging
import time
import weakref
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from lineitem._accounts import Account, accounts, know
from lineitem._html import line_html
from lineitem._receipt import (
    FLUSH_S,
    PATIENCE_S,
    WORTH_SECONDS,
    enabled,
    graphs_sent,
    in_script,
    print_line,
    receipt_parts,
    say,
)
from lineitem._view import place_of

if TYPE_CHECKING:
    from lineitem import _config
    from lineitem._models import Receipt

logger = logging.getLogger("lineitem")


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
            return accounts() if seconds >= WORTH_SECONDS else []
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
        # Not above: it needs IPython, which scripts do without.
        from lineitem._magic import CostMagics

        watch = _watches[shell] = CellWatch(shell)
        shell.register_magics(CostMagics(shell, watch.mute))
        shell.events.register("pre_run_cell", watch.before)
        shell.events.register("post_run_cell", watch.after)
    return watch


def uninstall(shell: Any) -> None:
    """Watch the cells no more."""
    watch = _watches.pop(shell, None)
    if watch is not None:
        shell.events.unregister("pre_run_cell", watch.before)
        shell.events.unregister("post_run_cell", watch.after)


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
