"""What the agent is told by the environment of its process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    """

    server: str
    cluster: str
    process: str
    token_file: str

    def read_token(self) -> str:
        """Read the token; an empty one if the file is missing, unreadable or holds something else."""
        try:
            token = Path(self.token_file).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""
        # A token that is no valid header would show up in http.client's error message, and so in a log.
        return token if token.isprintable() and " " not in token else ""


def read_config(environ: Mapping[str, str] | None = None) -> AgentConfig | str:
    """Read the settings.

    Returns
    -------
    AgentConfig or str
        The settings, or the reason why there is no telemetry.
    """
    env = os.environ if environ is None else environ
    if env.get("LINEITEM_AGENT", "").lower() == "off":
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
