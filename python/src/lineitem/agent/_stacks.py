"""Stacks of threads: walking them cheaply, and later giving names to what was seen.

A tick must cost microseconds, so it records only ``(id of the code object, f_lasti)`` for each frame. Lines, functions
and file classes are worked out once per distinct frame, when a window is closed.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

USER = "u"
STDLIB = "s"
PACKAGE = "p"

MAX_DEPTH = 200
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
        packages = [*package_dirs, *(paths.get(name, "") for name in ("purelib", "platlib"))]
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


def _as_folder(path: str) -> str:
    return path.rstrip("/\\") + ("\\" if "\\" in path else "/")


def walk(frame: FrameType | None, runners: frozenset[int], codes: dict[int, CodeType]) -> tuple[list[int], int]:
    """Record a stack from its leaf outwards, down to the frame of Dask's task runner.

    Parameters
    ----------
    frame
        The thread's innermost frame.
    runners
        Ids of the code objects of Dask's task runners.
    codes
        Filled with the code objects seen, by id, so that ids stay valid until they are resolved.

    Returns
    -------
    tuple
        The stack as ``[id, lasti, id, lasti, …]``, leaf first and without the runner; and the id of the runner's code,
        0 if the stack holds none, -1 if it is too deep to tell.
    """
    stack: list[int] = []
    append = stack.append
    while frame is not None:
        code = frame.f_code
        ident = id(code)
        if ident in runners:
            return stack, ident
        if ident not in codes:
            codes[ident] = code
        append(ident)
        append(frame.f_lasti)
        if len(stack) >= 2 * MAX_DEPTH:
            return stack, -1
        frame = frame.f_back
    return stack, 0


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


def task_runners(worker_module: Any) -> tuple[frozenset[int], frozenset[int]]:
    """Find Dask's task runners in ``distributed.worker``.

    Returns
    -------
    tuple
        The ids of the code objects of all runners, and of those that run actors' methods.
    """
    names = ("_run_task", "_run_task_simple", "apply_function", "apply_function_simple")
    actor_names = ("_run_actor", "apply_function_actor")

    def ids(candidates: Iterable[str]) -> frozenset[int]:
        codes = (getattr(getattr(worker_module, name, None), "__code__", None) for name in candidates)
        return frozenset(id(code) for code in codes if code is not None)

    actors = ids(actor_names)
    return ids(names) | actors, actors


def can_sample() -> bool:
    """Tell whether foreign frames may be read: in a free-threaded build that can crash the process."""
    is_gil_enabled = getattr(sys, "_is_gil_enabled", None)
    return is_gil_enabled is None or bool(is_gil_enabled())
