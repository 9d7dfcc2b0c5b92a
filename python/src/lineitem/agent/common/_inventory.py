"""What software a process has: every installed distribution, and the modules that it imported.

Directory names tell nearly all: reading the metadata of a hundred distributions takes a hundred times as long as
listing the folders they lie in. The scan runs once, in a thread of its own, because a folder on a slow network must not
hold up what measures; the modules are a look at ``sys.modules`` once a minute.

This module travels to workers by value, and clients use it too: the standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_PACKAGES = 5_000
MAX_MODULES = 40
MAX_IMPORTED = 2_000
_MAX_TEXT = 200
_MAX_RECORD_BYTES = 2 << 20
_MAX_SMALL_FILE = 64 << 10
_FIRST_S = 5.0
_LAST_S = 60.0
_IMPORTS_EVERY_S = 60.0

_SEPARATORS = re.compile(r"[-_.]+")
_VERSION_BEGINS = re.compile(r"-(?=v?\d)")
_EGG_TAIL = re.compile(r"-py\d(\.\d+)?(-.*)?$")
_VERSION_LINE = re.compile(rb"^Version:[ \t]*([^\r\n]+)", re.MULTILINE)
# A file of code in a RECORD: the first part of its path is a module or package that can be imported.
_CODE_LINE = re.compile(rb"^\"?([^/\\,\r\n\"]+?)(?:[/\\][^,\r\n]*)?\.(?:py|so|pyd)\"?,", re.MULTILINE)
_IMAGE_VARIABLES = (
    "LINEITEM_IMAGE",
    "JUPYTER_IMAGE_SPEC",
    "JUPYTER_IMAGE",
    "CONTAINER_IMAGE",
    "APPTAINER_CONTAINER",
    "SINGULARITY_CONTAINER",
)


def normalise_name(name: str) -> str:
    """Return the name of a distribution as PEP 503 has it: ``Foo__Bar.baz`` is ``foo-bar-baz``."""
    return _SEPARATORS.sub("-", name).lower()


def split_stem(stem: str) -> tuple[str, str]:
    """Split ``name-version``, the name of a metadata folder without its ending; an unknown version is empty.

    Names should hold no hyphen there, but old tools wrote some: the version begins at the first hyphen before a digit.
    """
    found = _VERSION_BEGINS.search(stem)
    if found is None or found.start() == 0:
        name, hyphen, version = stem.rpartition("-")
        return (name, version) if hyphen and name else (stem, "")
    return stem[: found.start()], stem[found.end() :]


def environment_id(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an environment's content in a canonical form."""
    parts = {key: value for key, value in content.items() if key != "environment"}
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def scan_environment(
    paths: Sequence[str] | None = None, prefix: str | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Look at what is installed.

    Parameters
    ----------
    paths
        Where modules are imported from; else ``sys.path``.
    prefix
        Where conda keeps its records, if this is one of its environments; else ``sys.prefix``.
    environ
        Else the environment of this process.

    Returns
    -------
    dict
        The fields of a software batch, see ``docs/telemetry.md``.
    """
    packages = scan_packages(sys.path if paths is None else paths, sys.prefix if prefix is None else prefix)
    content: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        # Without the kernel's version: machines with the same software are to have the same environment.
        "platform": f"{platform.system()}-{platform.machine()}",
        "details": _details(os.environ if environ is None else environ),
        "packages": packages,
    }
    content["environment"] = environment_id(content)
    return content


def scan_packages(paths: Iterable[str], prefix: str) -> list[list[Any]]:
    """Return ``[name, version, manager, modules]`` of all distributions by name; of several versions the one that is imported."""
    found: dict[str, list[Any]] = {}
    for path in paths:
        for entry in _listing(path or os.curdir):
            package = _distribution(path or os.curdir, entry)
            if package is not None and package[0] not in found and len(found) < MAX_PACKAGES:
                found[package[0]] = package
    for entry in _listing(os.path.join(prefix, "conda-meta")):  # noqa: PTH118 - as above
        name, version = _conda_record(entry)
        if not name:
            continue
        if name not in found and len(found) < MAX_PACKAGES:
            found[name] = [name, version, "conda", []]
        elif found[name][1] == version:
            found[name][2] = "conda"
    return [found[name] for name in sorted(found)]


def _listing(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - strings all the way, for speed
    except (OSError, ValueError):
        return []  # not there, a zip file, not for us


def _distribution(folder: str, entry: str) -> list[Any] | None:
    """Read one entry of a folder of packages."""
    stem, dot, ending = entry.rpartition(".")
    if not dot or ending not in ("dist-info", "egg-info") or not stem:
        return None
    path = os.path.join(folder, entry)  # noqa: PTH118 - as above
    if ending == "egg-info":
        stem = _EGG_TAIL.sub("", stem)
    name, version = split_stem(stem)
    if not version:
        about = _read(os.path.join(path, "PKG-INFO" if ending == "egg-info" else "METADATA"))  # noqa: PTH118 - as above
        line = _VERSION_LINE.search(about)
        version = line.group(1).decode("utf-8", "replace").strip() if line else ""
    name = normalise_name(_plain(name)).strip("-")
    if not name:
        return None
    manager = _manager(path)
    modules = _modules(path)
    if not modules and manager == "editable" and name.replace("-", "_").isidentifier():
        modules = [name.replace("-", "_")]  # the code lies elsewhere; most projects are called like their package
    return [name, _plain(version), manager, modules]


def _manager(path: str) -> str:
    """Return who installed a distribution."""
    told = _read(os.path.join(path, "direct_url.json"))  # noqa: PTH118 - as above
    if told:
        try:
            origin = json.loads(told)
            if "vcs_info" in origin:
                return "vcs"
            if origin.get("dir_info", {}).get("editable"):
                return "editable"
        except (ValueError, AttributeError, TypeError):
            pass  # what is not readable says nothing
    installer = _read(os.path.join(path, "INSTALLER"))  # noqa: PTH118 - as above
    return "conda" if installer.strip().lower() == b"conda" else "pip"


def _modules(path: str) -> list[str]:
    """Return the top-level modules of a distribution; none if it does not say."""
    listed = _read(os.path.join(path, "top_level.txt"))  # noqa: PTH118 - as above
    names = {
        line.strip().replace("\\", "/").partition("/")[0] for line in listed.decode("utf-8", "replace").split("\n")
    }
    if not listed:
        record = _read(os.path.join(path, "RECORD"), _MAX_RECORD_BYTES)  # noqa: PTH118 - as above
        # `name.cpython-311-x86_64-linux-gnu.so` is the module `name`.
        names = {part.decode("utf-8", "replace").partition(".")[0] for part in set(_CODE_LINE.findall(record))}
    return sorted(name for name in names if name.isidentifier() and len(name) <= _MAX_TEXT)[:MAX_MODULES]


def _conda_record(entry: str) -> tuple[str, str]:
    """Split the name of a record of conda: ``name-version-build.json``."""
    if not entry.endswith(".json"):
        return "", ""
    parts = entry[: -len(".json")].rsplit("-", 2)
    if len(parts) != 3:
        return "", ""
    return normalise_name(_plain(parts[0])).strip("-"), _plain(parts[1])


def _read(path: str, at_most: int = _MAX_SMALL_FILE) -> bytes:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - as above
            return stream.read(at_most)
    except (OSError, ValueError):
        return b""


def _plain(text: str) -> str:
    """Return a text that can be encoded and shown: names of files may hold anything."""
    return "".join(c for c in text if c.isprintable() and not "\ud800" <= c <= "\udfff").strip()[:_MAX_TEXT]


def _details(environ: Mapping[str, str]) -> dict[str, str]:
    details: dict[str, str] = {}
    try:
        libc, version = platform.libc_ver()
        if libc == "glibc":
            details["glibc"] = version
    except (OSError, ValueError):
        pass  # not told
    driver = _read("/sys/module/nvidia/version").decode("ascii", "replace").strip()
    if driver:
        details["cuda_driver"] = _plain(driver)
    image = next((environ[name] for name in _IMAGE_VARIABLES if environ.get(name)), "")
    if image:
        details["image"] = _plain(image)
    return details


def checked(content: Any) -> dict[str, Any] | None:
    """Return an environment that another process sent, None unless it has the form and the id that it should have."""
    try:
        packages = [
            [_text(name), _text(version), _text(manager), [_text(module) for module in list(modules)[:MAX_MODULES]]]
            for name, version, manager, modules in list(content["packages"])[: MAX_PACKAGES + 1]
        ]
        made = {
            **{key: _text(content[key]) for key in ("python", "implementation", "platform")},
            "details": {_text(key): _text(value) for key, value in dict(content["details"]).items()},
            "packages": packages,
        }
        made["environment"] = environment_id(made)
        return made if made["environment"] == content["environment"] and len(packages) <= MAX_PACKAGES else None
    except (TypeError, ValueError, KeyError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError("no short text")
    return value


class Imports:
    """The top-level modules that were imported and not named before."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def new(self) -> list[str]:
        """Return the names that have come up since the last call. Takes some 50 us."""
        tops = {name.partition(".")[0] for name in list(sys.modules)} - self._named
        tops -= sys.stdlib_module_names
        fresh = sorted(
            name for name in tops if name.isidentifier() and not name.startswith("__") and len(name) <= _MAX_TEXT
        )
        fresh = fresh[: max(0, MAX_IMPORTED - len(self._named))]
        self._named.update(fresh)
        return fresh


class Inventory:
    """The software of this process: found out once, in the background, and then reported.

    Parameters
    ----------
    delay_s
        When to look; else at a random moment of the first minute, so that a thousand workers do not all read the same
        folder at once.
    """

    def __init__(self, delay_s: float | None = None) -> None:
        if delay_s is None:
            # Mostly early: short clusters count too.
            delay_s = _FIRST_S + (_LAST_S - _FIRST_S) * random.random() ** 2  # noqa: S311 - spreads load
        self._due = time.monotonic() + delay_s
        self._thread: threading.Thread | None = None
        self._content: dict[str, Any] | None = None
        self._imports = Imports()
        self._imports_due = self._due
        self._unsent: list[str] = []
        self.cost_us = 0

    @property
    def content(self) -> dict[str, Any] | None:
        """The environment, as the fields of a software batch; None until it is known."""
        return self._content

    @property
    def environment(self) -> str:
        """The id of the environment; empty until it is known."""
        return str(self._content["environment"]) if self._content is not None else ""

    def tick(self) -> None:
        """Begin to look when it is time. Never waits."""
        now = time.monotonic()
        if self._thread is None and now >= self._due:
            self._begin()
        if now >= self._imports_due:
            self._imports_due = now + _IMPORTS_EVERY_S
            self._unsent += self._imports.new()

    def due_within(self, seconds: float) -> None:
        """Look at a random moment within so many seconds from now, if that is earlier than planned. From any thread."""
        if self._thread is None:
            due = time.monotonic() + seconds * random.random()  # noqa: S311 - spreads load
            self._due = min(self._due, due)
            self._imports_due = min(self._imports_due, due)

    def hasten(self, wait_s: float = 0.0) -> None:
        """Look now, and wait for the end of it so long at most."""
        if self._thread is None:
            self._begin()
        if self._thread is not None and wait_s > 0:
            self._thread.join(wait_s)
        self._imports_due = 0.0
        self.tick()

    def section(self) -> dict[str, Any] | None:
        """Return ``software`` of the next batch; None until the environment is known."""
        if self._content is None:
            return None
        unsent, self._unsent = self._unsent, []
        return {"environment": self._content["environment"], "imported": unsent}

    def take_cost_us(self) -> int:
        """Return the CPU time that looking took, once."""
        cost, self.cost_us = self.cost_us, 0
        return cost

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._look, name="lineitem-inventory", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        begin = time.thread_time_ns()
        try:
            self._content = scan_environment()
        except Exception:
            self._content = None  # then the process has no environment: its cost is not affected
        self.cost_us += (time.thread_time_ns() - begin) // 1000


class Environments:
    """Which environments the server has been told about: each is asked for twice, in case the first to offer it dies."""

    _TIMES = 2
    _MOST = 1_000

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}

    def wants(self, environment: Any) -> bool:
        """Tell whether the content of an environment is wanted, and remember it."""
        if not isinstance(environment, str) or len(environment) != 64:
            return False
        asked = self._asked.get(environment, 0)
        if asked >= self._TIMES or (not asked and len(self._asked) >= self._MOST):
            return False
        self._asked[environment] = asked + 1
        return True


_mine: dict[str, Any] = {}


def environment() -> dict[str, Any]:
    """Return the environment of this process, looked at once; see ``scan_environment``.

    For clients. An agent uses :class:`Inventory`: what this keeps must not travel to another process.
    """
    if not _mine:
        _mine.update(scan_environment())
    return dict(_mine)
