"""``%%cost``: run a cell and show what it cost, line by line."""

from __future__ import annotations

import ast
import logging
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class

from lineitem._accounts import Account, accounts
from lineitem._exceptions import LineitemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem._bill import Bill

logger = logging.getLogger("lineitem")

_FLUSH_S = 10.0


@magics_class
class CostMagics(Magics):
    """The magics of Lineitem.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        Where they are used.
    mute : callable
        Called so that no line is said after a cell whose bill is shown.
    """

    def __init__(self, shell: Any, mute: Callable[[], None]) -> None:
        super().__init__(shell)
        self._mute = mute

    @line_cell_magic
    def cost(self, line: str, cell: str | None = None) -> None:
        """Run a cell, or the rest of the line, and show the bill of it; alone, show what the clusters cost so far.

        ``%%cost`` waits until all workers have reported. The bill is that of the clusters that this process is connected to,
        from before the code to after it: if somebody else works on them too, their work is in it.

        Examples
        --------
        ::

            %%cost
            frame.groupby("origin").delay.mean().compute()
        """
        code = cell if cell is not None else line
        if cell is not None and line.strip():
            print("%%cost takes no arguments; the code goes below it. Nothing was run.")  # noqa: T201 -- the answer
            return
        if not code.strip():
            self._show({})
            return
        before = _bills()
        self._mute()
        try:
            self._run(code)
        finally:
            try:
                self._show(before)
            except Exception:
                logger.warning("What the cell cost could not be shown", exc_info=True)

    def _run(self, code: str) -> None:
        """Run code in the user's namespace, as a cell of its own, and display its last expression."""
        shell: Any = self.shell
        transformed = shell.transform_cell(code)
        # The name under which IPython knows cells: the bill finds the text of a line by it.
        name = shell.compile.cache(transformed, shell.execution_count, raw_code=code)
        tree = shell.compile.ast_parse(transformed, filename=name)
        tree = shell.transform_ast(tree)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(shell.compile(tree, name, "exec"), shell.user_global_ns, shell.user_ns)  # noqa: S102 -- the user's own code
        if last is None:
            return
        shown = not transformed.rstrip().endswith(";")
        value = eval(shell.compile(ast.Expression(last.value), name, "eval"), shell.user_global_ns, shell.user_ns)  # noqa: S307 -- as above
        if shown:
            shell.displayhook(value)

    def _show(self, before: dict[str, Bill]) -> None:
        from IPython.display import display

        bills = _bills()
        if not bills:
            print("No cluster of a Lineitem server is in use here, so there is no bill.")  # noqa: T201 -- the answer
        for cluster_id, bill in bills.items():
            earlier = before.get(cluster_id)
            part = bill.since(earlier) if earlier is not None else bill
            if getattr(self.shell, "kernel", None) is None:
                print(part)  # noqa: T201 -- a terminal
            else:
                display(part)


def _bills() -> dict[str, Bill]:
    """Return the bills of all clusters in use, up to date."""
    found: dict[str, Bill] = {}
    for account in accounts():
        if account.cluster_id in found:
            continue
        try:
            found[account.cluster_id] = bill_of(account)
        except LineitemError as error:
            print(f"The bill of {account.cluster_id} cannot be had: {error}")  # noqa: T201 -- the answer
    return found


def bill_of(account: Account) -> Bill:
    """Return the bill of a cluster, after its workers have reported and the cells it names have been sent."""
    from lineitem._client import Lineitem
    from lineitem._sources import send_wanted

    if not account.flush(_FLUSH_S):
        account.flush(_FLUSH_S)  # a busy worker may have been too late
    token = account.target.token.reveal() if account.target.token is not None else None
    with Lineitem(account.target.server, token) as api:
        send_wanted(api, account.cluster_id)
        return api.bill(account.cluster_id)
