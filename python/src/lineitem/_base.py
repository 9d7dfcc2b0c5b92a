"""What both clients of the REST API do alike: settings, requests, what is tried again, answers and errors."""

from __future__ import annotations

import json
import platform
import random
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import httpx

from lineitem import _config
from lineitem._exceptions import ApiError, NotSignedIn, ServerFault, ServerUnreachable, api_error_class
from lineitem._models import FieldError
from lineitem._version import __version__
from lineitem._wire import WireError, decode

if TYPE_CHECKING:
    from collections.abc import Generator

    from lineitem._auth import Secret
    from lineitem._routes import Call

T = TypeVar("T")

USER_AGENT = f"lineitem-python/{__version__} (Python {platform.python_version()})"

_ATTEMPTS = 4
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
# The request has certainly not reached the server, so that even one that must not be repeated may be sent again.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _BearerAuth(httpx.Auth):
    """Puts the token into the Authorization header."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


class Base:
    """What both clients share: settings, requests, reading answers, and when to try again."""

    def __init__(self, server: str | None, token: str | None, timeout: float | None) -> None:
        self._target = _config.resolve(server, token)
        self._timeout = timeout if timeout is not None else _config.seconds("timeout")

    @property
    def server(self) -> str:
        """URL of the server."""
        return self._target.server

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} holds a token and is not pickled; nothing was sent. Make one where it is needed."
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self._target.server,
            "auth": _BearerAuth(self._target.token) if self._target.token else None,
            "timeout": self._timeout,
            "headers": {"User-Agent": USER_AGENT, "Accept": "application/json"},
            # A proxy of the environment is for the outside, and could not reach this machine's loopback.
            "trust_env": not self._target.loopback,
            # Redirects are not followed, so a plain address stays plain: loading certificates would be for nothing.
            "verify": self._target.server.startswith("https:"),
        }

    def _check(self, call: Call[Any]) -> None:
        if self._target.token is None and not call.anonymous:
            raise NotSignedIn(
                f"There is no token for {self.server}; nothing was sent. Run `lineitem login {self.server}`, or set LINEITEM_TOKEN.",
                code="unauthenticated",
            )

    def _pause(self, call: Call[Any], attempt: int, problem: httpx.TransportError | httpx.Response) -> float | None:
        """Return how long to wait before trying again, None if there is no sense in it."""
        if attempt + 1 >= _ATTEMPTS:
            return None
        pause: float = _FIRST_PAUSE * 3**attempt * random.uniform(0.8, 1.2)  # noqa: S311 -- spreads load, guards nothing
        if isinstance(problem, httpx.Response):
            if problem.status_code not in (429, 502, 503, 504) or not call.repeatable:
                return None
            said = problem.headers.get("Retry-After", "")
            return min(float(said), _LONGEST_PAUSE) if said.isdecimal() else pause
        return pause if call.repeatable or isinstance(problem, _NOT_SENT) else None

    def _unreachable(self, call: Call[Any], error: httpx.TransportError) -> ServerUnreachable:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if call.method == "GET" or isinstance(error, _NOT_SENT):
            outcome = "Nothing was changed."
        else:
            outcome = "Whether the request was carried out is not known; look before you repeat it."
        advice = (
            "Is it running? `lineitem server` starts one"
            if self._target.loopback
            else "Is the address right, and the server up"
        )
        return ServerUnreachable(
            f"The Lineitem server at {self.server} did not answer ({what}). {outcome} {advice}; "
            "LINEITEM_SERVER says where it is.",
            server=self.server,
        )

    def _read(self, call: Call[T], response: httpx.Response) -> T:
        if not response.is_success:
            raise self._error(response)
        if call.answer is None:
            return cast("T", None)
        if call.answer is bytes:
            return cast("T", response.content)
        try:
            return decode(call.answer, response.json())
        except (WireError, ValueError) as error:
            raise ServerFault(
                f"The answer of {self.server} to {call.method} {call.template} could not be read ({error}). It may not be a "
                "Lineitem server, or be of another version than this package; check LINEITEM_SERVER.",
                code="unreadable",
                http_status=response.status_code,
            ) from error

    def _error(self, response: httpx.Response) -> ApiError:
        status = response.status_code
        try:
            body = response.json()
            code, message = str(body["code"]), str(body["message"])
            fields = [FieldError(name=str(f["name"]), message=str(f["message"])) for f in body.get("fields") or ()]
        except (ValueError, KeyError, TypeError, AttributeError):
            code, fields = "", []
            message = (
                f"{self.server} answered HTTP {status} without an explanation; something other than a Lineitem server may "
                "stand there. Check LINEITEM_SERVER."
            )
        kind = api_error_class(code, status)
        return kind(message, code=code or f"http_{status}", fields=fields, http_status=status)

    def _request(self, call: Call[Any]) -> dict[str, Any]:
        request: dict[str, Any] = {"method": call.method, "url": call.url_path, "params": dict(call.query)}
        if call.body is not None:
            request["content"] = json.dumps(call.body).encode()
            request["headers"] = {"Content-Type": "application/json"}
        if call.answer is bytes:
            request["headers"] = {"Accept": "*/*"}
        return request
