"""The clusters of Lineitem servers that Dask clients of this process are connected to."""

from __future__ import annotations

import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from lineitem import _config
from lineitem._receipt import PATIENCE_S, flush

if TYPE_CHECKING:
    from datetime import datetime

    from lineitem._models import Receipt


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
    from lineitem._life import ClusterLife  # not above: it takes all of distributed, which is here only now

    cluster = client.cluster
    if isinstance(cluster, ClusterLife):
        return Account(client, cluster.id, cluster._target) if cluster.id else None
    said = client._scheduler_identity.get("lineitem")
    if not isinstance(said, dict) or not said.get("cluster"):
        return None
    # Never the server that a scheduler names: it would get this user's token.
    return Account(client, str(said["cluster"]), _targets.get(client) or _config.resolve())
