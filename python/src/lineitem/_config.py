"""Settings: arguments first, then the environment, Dask's configuration, the file of ``lineitem login``, and defaults."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dask.config
import yaml  # type: ignore[import-untyped]
from dask.utils import parse_bytes, parse_timedelta

from lineitem._auth import Secret
from lineitem._exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SERVER = "http://127.0.0.1:8470"


def merge_defaults() -> None:
    """Add the defaults of ``lineitem.yaml`` to Dask's configuration; what the user has set stays."""
    with (Path(__file__).parent / "lineitem.yaml").open(encoding="utf-8") as file:
        defaults = yaml.safe_load(file)
    dask.config.update_defaults(defaults)


def credentials_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the file that ``lineitem login`` writes."""
    home = environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "lineitem" / "credentials.json"


@dataclass(frozen=True)
class Target:
    """A server and the token for it, if there is one."""

    server: str
    token: Secret | None

    @property
    def loopback(self) -> bool:
        """Whether the server listens on this machine only, as far as its address says."""
        host = urlsplit(self.server).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def resolve(server: str | None = None, token: str | None = None, environ: Mapping[str, str] = os.environ) -> Target:
    """Decide which server to use and with which token.

    Parameters
    ----------
    server : str, optional
        URL; else ``LINEITEM_SERVER``, ``lineitem.server`` of Dask's configuration, the default in the credentials
        file, ``http://127.0.0.1:8470``.
    token : str, optional
        API token; else ``LINEITEM_TOKEN``, the credentials file's token for this server.
    environ : mapping, optional
        The environment.
    """
    given = server or environ.get("LINEITEM_SERVER") or dask.config.get("lineitem.server", None)
    secret = token or environ.get("LINEITEM_TOKEN")
    if given and secret:
        return Target(normalise_server(given), Secret(secret))
    # Only now the file: a broken one must not get in the way of someone who does not need it.
    saved = _read_credentials(credentials_path(environ))
    url = normalise_server(given or saved.default or DEFAULT_SERVER)
    secret = secret or saved.tokens.get(url)
    return Target(url, Secret(secret) if secret else None)


def normalise_server(url: object) -> str:
    """Return the URL in the one form under which tokens are kept: scheme, host, port, no slash at the end.

    Raises
    ------
    ConfigurationError
        If it is not the URL of a server.
    """
    problem = f"{url!r} is not the address of a Lineitem server; write it as {DEFAULT_SERVER}."
    if not isinstance(url, str):
        raise ConfigurationError(problem)
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(problem) from error
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise ConfigurationError(problem)
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            "The address of a Lineitem server holds no user name, query or fragment. Give the token by LINEITEM_TOKEN "
            "or `lineitem login`."
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


@dataclass(frozen=True)
class _Saved:
    default: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


def _read_credentials(path: Path) -> _Saved:
    """Read what ``lineitem login`` wrote; nothing there is fine."""
    advice = f"{path} cannot be used as the credentials file: %s. Run `lineitem login` to write it anew, or set LINEITEM_TOKEN."
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _Saved()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(advice % error) from error
    try:
        data = json.loads(text)
        servers = data.get("servers", {})
        tokens = {normalise_server(url): entry["token"] for url, entry in servers.items() if entry.get("token")}
        default = data.get("default") or ""
        if not all(isinstance(t, str) for t in tokens.values()) or not isinstance(default, str):
            raise TypeError("a token or the default is not a string")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        # The error's own text could quote the file, tokens and all; its type is enough.
        raise ConfigurationError(advice % f"it has not the expected form ({type(error).__name__})") from None
    return _Saved(default, tokens)


def seconds(key: str) -> float:
    """Return a duration of the configuration in seconds."""
    value = dask.config.get(f"lineitem.{key}")
    try:
        return float(parse_timedelta(value, default="s"))
    except (TypeError, ValueError, KeyError) as error:
        raise ConfigurationError(f"lineitem.{key} is {value!r}; write a duration as '30s'.") from error


def memory_bytes(value: object) -> int:
    """Return a memory limit in bytes, 0 for None.

    Raises
    ------
    ConfigurationError
        If it is not an amount of memory.
    """
    if value is None:
        return 0
    problem = f"memory_limit={value!r} is not an amount of memory; write '4 GiB' or a number of bytes."
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ConfigurationError(problem)
    try:
        amount = int(parse_bytes(value))
    except ValueError as error:
        raise ConfigurationError(problem) from error
    # Dask reads a float up to 1 as a share of the machine; the server's machine is not ours to divide.
    if amount <= 0 or (isinstance(value, float) and value <= 1):
        raise ConfigurationError(problem)
    return amount


def count(name: str, value: object, minimum: int) -> int:
    """Return a number of things from an argument or the configuration.

    Raises
    ------
    ConfigurationError
        If it is not a whole number of at least the minimum.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ConfigurationError(f"{name}={value!r} is not a whole number of at least {minimum}.")
    return value


def group(given: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the group that pays: the argument, else ``LINEITEM_GROUP``; empty for the one that pays by default."""
    return given if given is not None else environ.get("LINEITEM_GROUP", "")


def cluster_setting(key: str, given: Any) -> Any:
    """Return the argument where there is one, else ``lineitem.cluster.<key>``."""
    return given if given is not None else dask.config.get(f"lineitem.cluster.{key}")
