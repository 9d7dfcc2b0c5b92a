"""What can go wrong, as a tree.

::

    LineitemError
    ├── ConfigurationError          a setting or the credentials file is not usable
    ├── ServerUnreachable           nothing answered at the server's address
    ├── ApiError                    the server answered, and the answer is no: code, message, fields
    │   ├── InvalidInput            invalid, 400 and 422
    │   ├── NotSignedIn             unauthenticated, 401
    │   ├── NotAllowed              forbidden, 403
    │   ├── NotFound                not_found, 404
    │   ├── Conflict                conflict, 409
    │   │   └── ClusterNotRunning   cluster_not_running
    │   ├── TooLarge                too_large, 413
    │   ├── Unavailable             unavailable, 429, 502, 503, 504: try again later
    │   └── ServerFault             internal, any other 5xx, and answers that cannot be read
    └── ClusterError                about one cluster: cluster_id, reason
        ├── ClusterFailed           it ended unasked: logs
        └── ClusterStartTimeout     its scheduler did not come up in time: logs

The class follows the server's ``code``, else the HTTP status; the text of a message decides nothing.
"""
# ruff: noqa: N818 -- the names say what happened, as the codes on the wire do; only the roots end in Error.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineitem._models import FieldError


class LineitemError(Exception):
    """Root of all errors that this package raises on purpose."""


class ConfigurationError(LineitemError):
    """A setting or the credentials file cannot be used."""


class ServerUnreachable(LineitemError):
    """No answer came from the server.

    Parameters
    ----------
    message : str
        What happened, what was not changed, what to do.
    server : str
        The address that was tried.
    """

    def __init__(self, message: str, *, server: str) -> None:
        super().__init__(message)
        self.server = server

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), (self.args[0],), {"server": self.server})


class ApiError(LineitemError):
    """The server refused or failed a request.

    Parameters
    ----------
    message : str
        The server's sentence for people.
    code : str
        The server's stable word for programs.
    fields : sequence of FieldError
        Wrong inputs, where there are any.
    http_status : int, optional
        Status of the answer; None where the client itself refused before sending.
    """

    def __init__(
        self, message: str, *, code: str, fields: Sequence[FieldError] = (), http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.fields = tuple(fields)
        self.http_status = http_status

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  {f.name}: {f.message}" for f in self.fields if f.message != self.message]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        keywords = {"code": self.code, "fields": self.fields, "http_status": self.http_status}
        return _rebuild, (type(self), (self.message,), keywords)


class InvalidInput(ApiError):
    """An input is wrong; ``fields`` says which."""


class NotSignedIn(ApiError):
    """There is no token, or the server does not accept it."""


class NotAllowed(ApiError):
    """The server knows you and does not allow this."""


class NotFound(ApiError):
    """It does not exist, or is not yours to see."""


class Conflict(ApiError):
    """The thing is in a state that does not allow this."""


class ClusterNotRunning(Conflict):
    """The cluster is stopping or has ended, or its scheduler is not up yet."""


class TooLarge(ApiError):
    """The input is larger than the server takes."""


class Unavailable(ApiError):
    """The server cannot do this now; later it may."""


class ServerFault(ApiError):
    """A fault of the server, or an answer that is not one of Lineitem's."""


class ClusterError(LineitemError):
    """Something about one cluster.

    Parameters
    ----------
    message : str
        What happened, what was not changed, what to do.
    cluster_id : str
        The cluster.
    reason : str
        The server's reason.
    logs : str
        The end of the cluster's logs, where there are any.
    """

    def __init__(self, message: str, *, cluster_id: str, reason: str = "", logs: str = "") -> None:
        super().__init__(message)
        self.cluster_id = cluster_id
        self.reason = reason
        self.logs = logs

    def __str__(self) -> str:
        text = str(self.args[0])
        return f"{text}\n\nEnd of the logs:\n{self.logs}" if self.logs else text

    def __reduce__(self) -> tuple[object, ...]:
        keywords = {"cluster_id": self.cluster_id, "reason": self.reason, "logs": self.logs}
        return _rebuild, (type(self), (self.args[0],), keywords)


class ClusterFailed(ClusterError):
    """The cluster ended unasked."""


class ClusterStartTimeout(ClusterError):
    """The cluster's scheduler did not come up in time."""


def _rebuild(kind: type[LineitemError], args: tuple[object, ...], keywords: dict[str, object]) -> LineitemError:
    """Make an error again from its parts, for pickle: exceptions with keyword arguments need the help."""
    return kind(*args, **keywords)


_BY_CODE: dict[str, type[ApiError]] = {
    "invalid": InvalidInput,
    "unauthenticated": NotSignedIn,
    "forbidden": NotAllowed,
    "not_found": NotFound,
    "conflict": Conflict,
    "cluster_not_running": ClusterNotRunning,
    "too_large": TooLarge,
    "unavailable": Unavailable,
    "internal": ServerFault,
}

_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidInput,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: InvalidInput,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def api_error_class(code: str, http_status: int) -> type[ApiError]:
    """Return the class for an error answer: by code where it is known, else by HTTP status."""
    by_status = _BY_STATUS.get(http_status)
    if by_status is None:
        by_status = ServerFault if http_status >= 500 else ApiError
    return _BY_CODE.get(code, by_status)
