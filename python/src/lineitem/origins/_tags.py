"""What users say of their own work: ``with lineitem.tag(project="churn"):``."""

from __future__ import annotations

import functools
import inspect
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from lineitem._exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token

    from typing_extensions import Self

MAX_TAGS = 20
MAX_NAME = 64
MAX_VALUE = 200

_tags: ContextVar[Mapping[str, str]] = ContextVar("lineitem_tags", default={})  # noqa: B039 - never changed in place
_F = TypeVar("_F", bound="Callable[..., Any]")


def current_tags() -> dict[str, str]:
    """Return the tags of the work that this context asks for."""
    return dict(_tags.get())


class tag:  # noqa: N801 - used like a function, as contextlib's managers are
    """Mark all work that is asked for inside with names of your own, to find its cost by.

    Use it with ``with``, or as a decorator of a function or coroutine. Tags add to those outside; the inner value of a name
    counts. They belong to this thread and this asyncio task. The bill shows them as self-declared.

    Parameters
    ----------
    **tags : str, int, float or bool
        At most 20 names of up to 64 characters with values of up to 200.

    Raises
    ------
    ConfigurationError
        If there are too many, or one is too long or not a plain value.

    Examples
    --------
    >>> with tag(project="churn", stage="features"):
    ...     pass
    """

    def __init__(self, **tags: str | float | bool) -> None:
        self._tags = _checked(tags)
        self._tokens: list[Token[Mapping[str, str]]] = []

    def __enter__(self) -> Self:
        merged = {**_tags.get(), **self._tags}
        if len(merged) > MAX_TAGS:
            raise ConfigurationError(
                f"{len(merged)} tags at once are too many, no tag was set: use at most {MAX_TAGS}, those outside included."
            )
        self._tokens.append(_tags.set(merged))
        return self

    def __exit__(self, *_: object) -> None:
        _tags.reset(self._tokens.pop())

    def __call__(self, function: _F) -> _F:
        """Return the function with all its work tagged."""
        tags: dict[str, Any] = dict(self._tags)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def tagged_coroutine(*args: Any, **kwargs: Any) -> Any:
                with type(self)(**tags):
                    return await function(*args, **kwargs)

            return tagged_coroutine  # type: ignore[return-value]

        @functools.wraps(function)
        def tagged(*args: Any, **kwargs: Any) -> Any:
            with type(self)(**tags):  # one of its own: the function may run in several threads at once
                return function(*args, **kwargs)

        return tagged  # type: ignore[return-value]


def _checked(tags: Mapping[str, object]) -> dict[str, str]:
    if not tags:
        raise ConfigurationError(
            'A tag needs a name and a value, nothing was tagged: write lineitem.tag(project="churn").'
        )
    if len(tags) > MAX_TAGS:
        raise ConfigurationError(f"{len(tags)} tags are too many, none was set: use at most {MAX_TAGS}.")
    checked = {}
    for name, value in tags.items():
        if not isinstance(value, (str, int, float, bool)):
            raise ConfigurationError(
                f"The tag {name[:MAX_NAME]!r} is a {type(value).__name__}, no tag was set: give a text or a number."
            )
        text = str(value)
        if len(name) > MAX_NAME:
            raise ConfigurationError(
                f"The tag's name {name[:20]!r}… has {len(name)} characters, no tag was set: use at most {MAX_NAME}."
            )
        if len(text) > MAX_VALUE:
            raise ConfigurationError(
                f"The tag {name!r} has a value of {len(text)} characters, no tag was set: use at most {MAX_VALUE}."
            )
        if not name.isprintable() or not text.isprintable():
            raise ConfigurationError(
                f"The tag {name!r} holds characters that cannot be shown, no tag was set: use plain text."
            )
        checked[name] = text
    return checked
