"""Requests to the server with nothing but the standard library: one connection that is kept, proxies, one's own authorities."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWER_BYTES = 1 << 20


class Channel:
    """A connection to a server. Not for two threads at a time.

    Parameters
    ----------
    server
        The server's base URL.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self._connection: http.client.HTTPConnection | None = None
        self._headers: dict[str, str] = {}

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> tuple[int, Any, bytes]:
        """Send one request; return status, headers and body of the answer.

        A kept connection that the server has closed meanwhile is opened again, and the request sent twice: only for what may be.

        Raises
        ------
        Exception
            Whatever the network, TLS or a proxy comes up with. ``close`` then.
        """
        fresh = self._connection is None
        try:
            return self._request(path, body, headers, timeout)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if fresh:
                raise
            return self._request(path, body, headers, timeout)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> tuple[int, Any, bytes]:
        target = self._connect(path, timeout)
        connection = self._connection
        assert connection is not None  # noqa: S101 - _connect made it
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.request("POST", target, body, {**self._headers, **headers})
        response = connection.getresponse()
        answer = response.read(_ANSWER_BYTES)
        if response.will_close or response.length:
            self.close()
        return response.status, response.headers, answer

    def _connect(self, path: str, timeout: float) -> str:
        """Make sure there is a connection; return the request's target."""
        parts = urlsplit(self.server)
        host = parts.hostname or ""
        target = parts.path + path
        proxy = _proxy_for(parts.scheme, host)
        if proxy is not None and parts.scheme == "http":
            target = f"http://{parts.netloc.rpartition('@')[2]}{target}"
        if self._connection is not None:
            return target
        self._headers = {}
        at, port = (host, parts.port) if proxy is None else (proxy[0], proxy[1])
        if parts.scheme == "https":
            # create_default_context reads SSL_CERT_FILE and SSL_CERT_DIR, the usual way to name one's own authority.
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                at, port, timeout=timeout, context=ssl.create_default_context()
            )
            if proxy is not None:
                connection.set_tunnel(host, parts.port or 443, proxy[2])
        else:
            connection = http.client.HTTPConnection(at, port, timeout=timeout)
            if proxy is not None:
                self._headers = proxy[2]
        self._connection = connection
        return target


def read_object(body: bytes, field: str) -> dict[str, Any] | None:
    """Return the JSON object of an answer, ``None`` if it lacks the field: something in between may answer 200 to anything."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and field in answer else None


def retry_after(headers: Any) -> float:
    """Return the seconds that the server asks to wait, 0 if it does not."""
    value = headers.get("Retry-After") or ""
    return min(300.0, float(value)) if value.isdecimal() and value.isascii() else 0.0


def _proxy_for(scheme: str, host: str) -> tuple[str, int, dict[str, str]] | None:
    """Return the proxy that the environment names for a host: its host, port and headers."""
    url = getproxies().get(scheme)
    if not url or proxy_bypass(host):
        return None
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname:
        return None
    headers = {}
    if parts.username is not None:
        import base64

        userinfo = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(userinfo.encode()).decode()
    return parts.hostname, parts.port or 8080, headers
