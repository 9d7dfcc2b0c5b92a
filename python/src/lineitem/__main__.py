"""Run a script as Python does, with Lineitem's hooks in place before its first import: ``python -m lineitem script.py [arguments]``.

``lineitem run`` starts scripts this way, so that a script which never heard of Lineitem still has its work charged to the lines that created it.
"""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lineitem  # noqa: F401 - importing it is what puts the hooks in

if TYPE_CHECKING:
    from types import TracebackType

_USAGE = 2


def run(script: str, arguments: list[str]) -> None:
    """Run a file as the main module.

    What the script sees (``__name__``, ``__file__``, ``sys.argv``, ``sys.path[0]``) is what plain Python would show it, and an exception ends the
    process with the traceback and the status that plain Python would give.

    Parameters
    ----------
    script
        Path of the file.
    arguments
        What follows it in ``sys.argv``.
    """
    path = Path(script)
    if not path.is_file():
        print(f"{sys.executable}: there is no file {script!r}, so nothing was run", file=sys.stderr)  # noqa: T201 - as Python does
        sys.exit(_USAGE)
    sys.excepthook = _without_this_file(sys.excepthook)
    with io.open_code(str(path.absolute())) as file:
        code = compile(file.read(), str(path.absolute()), "exec")
    main = types.ModuleType("__main__")
    main.__file__ = str(path.absolute())
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    sys.argv = [script, *arguments]
    sys.path[0] = str(path.resolve().parent)
    exec(code, main.__dict__)  # noqa: S102 - the user's own script


def _without_this_file(hook: Any) -> Any:
    """Wrap an exception hook so that it shows a traceback from the script on."""

    def shorter(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        at = traceback
        while at is not None and at.tb_frame.f_code.co_filename != __file__:
            at = at.tb_next
        while at is not None and at.tb_frame.f_code.co_filename == __file__:
            at = at.tb_next
        error.__traceback__ = at
        hook(kind, error, at)

    return shorter


if __name__ == "__main__":
    if len(sys.argv) < _USAGE:
        sys.exit("Which script? python -m lineitem script.py [arguments]")
    run(sys.argv[1], sys.argv[2:])
