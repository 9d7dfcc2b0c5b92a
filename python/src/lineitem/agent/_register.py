"""A cluster announces itself to the server: from processes that have the package and a token of their user's."""

from __future__ import annotations

import json
import logging
import random
import threading
from typing import TYPE_CHECKING, Any

from lineitem.agent import AGENT_VERSION
from lineitem.agent.common._config import AgentConfig
from lineitem.agent.scheduler._http import Channel, read_object, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lineitem._config import Target

logger = logging.getLogger("lineitem.agent")

PATH = "/api/v1/clusters/watched"

_TIMEOUT_S = 10.0
_BACKOFF_S = (1.0, 60.0)
_FIELDS = ("scheduler_id", "scheduler_address", "dashboard_url", "deployment", "group")
_TRY_LATER = (408, 425, 429)


class RefusedError(Exception):
    """The server will not have this cluster announced; the text is a sentence."""


class AwayError(OSError):
    """The server could not be reached, or cannot answer now.

    Parameters
    ----------
    message
        What happened.
    wait
        Seconds that the server asks to wait.
    """

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def find_account() -> Target | str:
    """Return the server and the token of this process's user, or the reason why there is none."""
    try:
        from lineitem import _config

        target = _config.resolve()
    except Exception as error:
        return str(error)
    if target.token is None:
        return f"there is no token for {target.server}; run `lineitem login {target.server}`, or set LINEITEM_TOKEN"
    return target


def announce(account: Target, facts: Mapping[str, Any], timeout: float = _TIMEOUT_S) -> AgentConfig:
    """Announce a cluster; doing it again is harmless. Blocks.

    Parameters
    ----------
    account
        The server, and the token of the user to whom the cluster belongs.
    facts
        See ``scheduler._cluster.facts``.
    timeout
        Seconds for each step of the exchange.

    Raises
    ------
    RefusedError
        If the server says no.
    AwayError
        If no answer came that would decide it.
    """
    assert account.token is not None  # noqa: S101 - find_account saw to it
    body = json.dumps({name: facts[name] for name in _FIELDS if facts.get(name)}).encode()
    headers = {
        "Authorization": f"Bearer {account.token.reveal()}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": f"lineitem-agent/{AGENT_VERSION}",
    }
    channel = Channel(account.server)
    try:
        status, answered, text = channel.post(PATH, body, headers, timeout)
    except ValueError:
        # http.client quotes a header that it does not take.
        raise RefusedError("The token is not one: it has characters that no token has.") from None
    except Exception as error:
        raise AwayError(f"{type(error).__name__}: {error}") from error
    finally:
        channel.close()
    if status in (200, 201):
        answer = read_object(text, "agent_token")
        if answer is not None:
            return AgentConfig(
                server=account.server,
                cluster=str(answer["cluster"]["id"]),
                process=str(answer["process"]),
                token=str(answer["agent_token"]),
                watched=True,
                renew=lambda: _announce_again(account, facts),
            )
    elif 400 <= status < 500 and status not in _TRY_LATER:
        problem = read_object(text, "message") or {"message": f"It answers HTTP {status}."}
        raise RefusedError(str(problem["message"])[:500])
    raise AwayError(f"HTTP {status}", retry_after(answered))


def _announce_again(account: Target, facts: Mapping[str, Any]) -> AgentConfig | None:
    try:
        return announce(account, facts)
    except RefusedError as error:
        logger.warning("The Lineitem server does not take this cluster any more: %s", error)
        return None


class Registrar:
    """A daemon thread that announces a cluster until the server has answered, however long it is away.

    Parameters
    ----------
    account, facts
        See ``announce``.
    on_config
        Called in the thread, once, with the settings.
    on_refused
        Called in the thread if the server says no.
    on_try
        Called in the thread before each try.
    """

    def __init__(
        self,
        account: Target,
        facts: Mapping[str, Any],
        on_config: Callable[[AgentConfig], None],
        on_refused: Callable[[], None],
        on_try: Callable[[], None],
    ) -> None:
        self._account = account
        self._facts = facts
        self._on_config = on_config
        self._on_refused = on_refused
        self._on_try = on_try
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lineitem-registrar", daemon=True)

    def start(self) -> None:
        """Start; the first try is at once."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, after the try that it may be at. Does not wait."""
        self._closing.set()

    def _run(self) -> None:
        failures = 0
        wait = 0.0
        try:
            while not self._closing.wait(wait):
                self._on_try()
                try:
                    config = announce(self._account, self._facts)
                except AwayError as error:
                    if not failures:
                        logger.warning(
                            "Lineitem's agent cannot reach %s (%s). Work goes on unwatched until it can.",
                            self._account.server,
                            error,
                        )
                    failures += 1
                    low, high = _BACKOFF_S
                    backoff = min(high, low * 2 ** min(failures - 1, 10)) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load
                    wait = max(error.wait, backoff)
                    continue
                self._on_config(config)
                return
        except RefusedError as error:
            logger.warning("The Lineitem server does not watch this cluster: %s Work goes on.", error)
            self._on_refused()
        except Exception:
            logger.warning("Lineitem's agent could not announce this cluster. Work goes on unwatched.", exc_info=True)
            self._on_refused()
