"""What the agent is told: by the environment of its process, or by whoever announced the cluster to the server."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class AgentConfig:
    """Settings of the scheduler's part.

    Parameters
    ----------
    server
        Base URL of the server.
    cluster, process
        Ids that the server gave.
    token_file
        Where the agent's token lies. The token itself is read when it is needed and kept nowhere.
    token
        The token itself, where there is no file: it came over Dask's own connection, or from the server.
    watched
        Whether the cluster was not started by Lineitem.
    renew
        Announces a watched cluster again after the server has refused the token; returns the new settings, ``None`` if the
        server refuses that too. It blocks, and raises ``OSError`` where no answer came.
    """

    server: str
    cluster: str
    process: str
    token_file: str = ""
    # Neither in the repr, which ends up in logs and cluster dumps, nor compared.
    token: str = field(default="", repr=False, compare=False)
    watched: bool = False
    renew: Callable[[], AgentConfig | None] | None = field(default=None, repr=False, compare=False)

    def read_token(self) -> str:
        """Return the token; an empty one if the file is missing, unreadable or holds something else."""
        token = self.token
        if not token:
            try:
                token = Path(self.token_file).read_text(encoding="ascii").strip()
            except (OSError, ValueError):
                return ""
        # A token that is no valid header would show up in http.client's error message, and so in a log.
        return token if token.isascii() and token.isprintable() and " " not in token else ""


def switched_off(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether ``LINEITEM_AGENT`` is ``off``."""
    env = os.environ if environ is None else environ
    return env.get("LINEITEM_AGENT", "").strip().lower() == "off"


def read_config(environ: Mapping[str, str] | None = None) -> AgentConfig | str:
    """Read the settings.

    Returns
    -------
    AgentConfig or str
        The settings, or the reason why there is no telemetry.
    """
    env = os.environ if environ is None else environ
    if switched_off(env):
        return "LINEITEM_AGENT is off"
    server = env.get("LINEITEM_SERVER", "").rstrip("/")
    cluster = env.get("LINEITEM_CLUSTER", "")
    token_file = env.get("LINEITEM_AGENT_TOKEN_FILE", "")
    missing = [
        name
        for name, value in (
            ("LINEITEM_SERVER", server),
            ("LINEITEM_CLUSTER", cluster),
            ("LINEITEM_AGENT_TOKEN_FILE", token_file),
        )
        if not value
    ]
    if missing:
        return f"{', '.join(missing)} not set"
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "LINEITEM_SERVER is not an http or https URL"
    process = env.get("LINEITEM_PROCESS", "") or f"{cluster}-scheduler-1"
    return AgentConfig(server=server, cluster=cluster, process=process, token_file=token_file)
