"""Stacks of threads: walking them cheaply, and later giving names to what was seen.

A tick must cost microseconds, so it records only ``(id of the code object, f_lasti)`` for each frame. Lines, functions
and file classes are worked out once per distinct frame, when a window is closed.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

USER = "u"
STDLIB = "s"
PACKAGE = "p"

MAX_DEPTH = 200
MAX_PART = 200
_MAX_CODES = 5_000
_MAX_NAME = 300

_IPYKERNEL = re.compile(r"[\\/]ipykernel_\d+[\\/]([0-9a-fA-F]+)\.py$")
_IPYTHON_INPUT = re.compile(r"^<ipython-input-\d+-([0-9a-fA-F]+)>$")
_PACKAGES = re.compile(r"[\\/](site|dist)-packages[\\/]")
_STDLIB = re.compile(r"[\\/]lib[\\/]python\d\.\d+[\\/]|[\\/]python\d+\.zip[\\/]")
_DUNDER = re.compile(r"^__\w+__$")


def normalise_file(filename: str) -> str:
    """Give the cells of notebooks a name that does not hold a process id: ``cell:<hash of the cell's text>``."""
    found = _IPYKERNEL.search(filename) or _IPYTHON_INPUT.match(filename)
    if found:
        return f"cell:{found.group(1)}"
    return filename if len(filename) <= _MAX_NAME else "…" + filename[1 - _MAX_NAME :]


class Classifier:
    """Tells user code from the standard library and installed packages, by file name alone.

    Parameters
    ----------
    package_dirs
        Folders that count as packages wherever they lie: Dask, distributed and Lineitem may be editable installs.
    """

    def __init__(self, package_dirs: Iterable[str] = ()) -> None:
        paths = sysconfig.get_paths()
        packages = [*package_dirs, *_installed_folders(), *(paths.get(name, "") for name in ("purelib", "platlib"))]
        self._packages = tuple(_as_folder(folder) for folder in packages if folder)
        self._stdlib = tuple({_as_folder(paths[name]) for name in ("stdlib", "platstdlib") if paths.get(name)})

    def __call__(self, filename: str) -> str:
        """Classify one file name, normalised or not."""
        if filename.startswith("cell:") or _IPYKERNEL.search(filename):
            return USER
        if filename.startswith("<"):
            if filename in ("<stdin>", "<string>") or _IPYTHON_INPUT.match(filename):
                return USER
            return STDLIB if filename.startswith("<frozen ") else PACKAGE
        if filename.startswith(self._packages) or _PACKAGES.search(filename):
            return PACKAGE
        if filename.startswith(self._stdlib) or _STDLIB.search(filename):
            return STDLIB
        return USER


def _installed_folders() -> list[str]:
    """Return the folders of ``PYTHONPATH`` into which somebody has installed packages (``pip install --target``).

    They may have any name; what tells them from a project is the metadata that an installer leaves. Python has looked into each of them while it
    started, so this is quick even where they lie on a network.
    """
    found = []
    for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        try:
            if folder and any(name.endswith(".dist-info") for name in os.listdir(folder)):  # noqa: PTH208 - names are all it takes
                found.append(os.path.abspath(folder))  # noqa: PTH100 - as Python writes them into code objects
        except OSError:
            continue
    return found


def _as_folder(path: str) -> str:
    return path.rstrip("/\\") + ("\\" if "\\" in path else "/")


def walk(frame: FrameType | None, marks: Landmarks, codes: dict[int, CodeType]) -> tuple[list[int], str, int]:
    """Record a stack from its leaf outwards, down to the frame of Dask's task runner.

    Parameters
    ----------
    frame
        The thread's innermost frame.
    marks
        Dask's own functions.
    codes
        Filled with the code objects seen, by id, so that ids stay valid until they are resolved.

    Returns
    -------
    tuple
        The stack as ``[id, lasti, id, lasti, …]``, leaf first and without the runner; the name of the sub-task in which a
        fused task stands, "" if it is not fused; and the id of the runner's code, 0 if the stack holds none, -1 if it is
        too deep to tell.
    """
    runners, fused = marks.runners, marks.fused
    stack: list[int] = []
    part = ""
    append = stack.append
    while frame is not None:
        code = frame.f_code
        ident = id(code)
        if ident in runners:
            return stack, part, ident
        if ident not in codes:
            codes[ident] = code
        if ident == fused and not part:
            part = _part_of(frame)
        append(ident)
        append(frame.f_lasti)
        if len(stack) >= 2 * MAX_DEPTH:
            return stack, part, -1
        frame = frame.f_back
    return stack, part, 0


def _part_of(frame: FrameType) -> str:
    """Name the sub-task that Dask's loop over a fused task has come to.

    Of all foreign frames only this one's locals are read. Up to Python 3.12 that makes a copy which keeps the objects
    alive until the frame returns; this frame holds all of its objects until then anyway. A user's might not.
    """
    key = frame.f_locals.get("key")
    if isinstance(key, tuple) and key:
        key = key[0]
    return key[:MAX_PART] if isinstance(key, str) else ""


def line_at(code: CodeType, lasti: int) -> int:
    """Return the line of an instruction; the first line of the function where the compiler left none."""
    for start, end, line in code.co_lines():
        if start <= lasti < end:
            if line is not None:
                return line
            break
    return code.co_firstlineno


class Resolver:
    """Turns recorded frames into ``(file, class, function, line)``, remembering what it has seen.

    Parameters
    ----------
    classify
        The file classifier.
    """

    def __init__(self, classify: Classifier) -> None:
        self.codes: dict[int, CodeType] = {}
        self._classify = classify
        self._files: dict[str, tuple[str, str]] = {}
        self._frames: dict[tuple[int, int], tuple[str, str, str, int]] = {}

    def frame(self, ident: int, lasti: int) -> tuple[str, str, str, int]:
        """Resolve one frame."""
        found = self._frames.get((ident, lasti))
        if found is None:
            code = self.codes[ident]
            file, kind = self.file(code.co_filename)
            if file == "<string>" and _DUNDER.match(code.co_name):
                # Methods that dataclasses and named tuples generate: nobody's source line.
                file, kind = "<generated>", PACKAGE
            function = getattr(code, "co_qualname", code.co_name)[:_MAX_NAME]
            found = self._frames[(ident, lasti)] = (file, kind, function, line_at(code, lasti))
        return found

    def file(self, filename: str) -> tuple[str, str]:
        """Return a file's normalised name and class."""
        found = self._files.get(filename)
        if found is None:
            found = self._files[filename] = (normalise_file(filename), self._classify(filename))
        return found

    def trim(self) -> None:
        """Forget everything once it has become much. Only between windows: recorded ids lose their meaning."""
        if len(self.codes) > _MAX_CODES or len(self._frames) > 4 * _MAX_CODES:
            self.codes.clear()
            self._frames.clear()
            self._files.clear()


class Landmarks(NamedTuple):
    """Ids of the code objects of Dask's functions between which a stack holds a task.

    Made where it is used: this module travels to workers by value, and ids do not travel.

    Parameters
    ----------
    runners
        Whatever calls the user's work.
    actors
        Those of the runners that run actors' methods in a thread.
    coroutines
        Those that run on the event loop: coroutine tasks, ``Client.run``, actors' methods without a thread.
    fused
        The loop over the sub-tasks of a fused task; 0 in versions that have none.
    """

    runners: frozenset[int]
    actors: frozenset[int] = frozenset()
    coroutines: frozenset[int] = frozenset()
    fused: int = 0


def landmarks(worker_module: Any) -> Landmarks:
    """Find the landmarks in ``distributed.worker`` and beside it."""

    def ids(module: Any, *names: str) -> frozenset[int]:
        codes = (getattr(getattr(module, name, None), "__code__", None) for name in names)
        return frozenset(id(code) for code in codes if code is not None)

    try:
        from dask import _task_spec
    except ImportError:
        _task_spec = None  # type: ignore[assignment]
    actors = ids(worker_module, "_run_actor", "apply_function_actor")
    coroutines = ids(worker_module, "run", "_run_task_async", "apply_function_async")
    coroutines |= ids(getattr(worker_module, "Worker", None), "actor_execute")
    in_threads = ids(worker_module, "_run_task", "_run_task_simple", "apply_function", "apply_function_simple")
    return Landmarks(
        in_threads | actors | coroutines,
        actors,
        coroutines,
        next(iter(ids(_task_spec, "execute_graph")), 0),
    )


def can_sample() -> bool:
    """Tell whether foreign frames may be read: in a free-threaded build that can crash the process."""
    is_gil_enabled = getattr(sys, "_is_gil_enabled", None)
    return is_gil_enabled is None or bool(is_gil_enabled())
