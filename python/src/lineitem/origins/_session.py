"""Who is working: user, machine, notebook or script, and the commit it is at. All of it is self-declared."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

MAX_PARENTS = 40
MAX_PATH = 1_000
MAX_NAME = 200
_HASH = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_MAX_REFS_BYTES = 4 << 20
_MAX_INDEX_BYTES = 1 << 20
_MAX_FILE_BYTES = 1 << 20
_DIRTY_S = 0.02


def describe() -> dict[str, Any]:
    """Return the fields of a ``sessions`` row, without the client's id. It never raises."""
    kind, path = where()
    folder = Path(path).parent if path else Path.cwd()
    commit, dirty = "", False
    try:
        found = find_repository(folder)
        if found is not None:
            work_tree, git = found
            commit = read_commit(git)
            dirty = bool(commit) and is_changed(git, work_tree, folder)
    except Exception:  # a damaged repository is not worth a word
        commit, dirty = "", False
    return {
        "user": _user()[:MAX_NAME],
        "host": socket.gethostname()[:MAX_NAME],
        "kind": kind,
        "path": path[:MAX_PATH],
        "commit": commit[:40],
        "dirty": dirty,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except Exception:  # in a container the user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def where() -> tuple[str, str]:
    """Return kind (``notebook``, ``script``, ``shell`` or empty) and path of what runs."""
    main = sys.modules.get("__main__")
    if "ipykernel" in sys.modules and _has_kernel():
        for name in ("__vsc_ipynb_file__", "__session__"):
            found = getattr(main, name, None)
            if isinstance(found, str) and found:
                return "notebook", found
        # Set by Jupyter's server since version 2; the path of the notebook, or an id where it does not know.
        session = os.environ.get("JPY_SESSION_NAME", "")
        return "notebook", session if session.endswith(".ipynb") else ""
    file = getattr(main, "__file__", None)
    if isinstance(file, str) and file and not hasattr(sys, "ps1") and "IPython" not in file:
        return "script", str(Path(file).absolute())
    if hasattr(sys, "ps1") or "IPython" in sys.modules:
        return "shell", ""
    return "", ""


def _has_kernel() -> bool:
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def find_repository(folder: Path) -> tuple[Path, Path] | None:
    """Return work tree and git folder of the repository that a folder lies in."""
    for place in [folder, *folder.parents][:MAX_PARENTS]:
        git = place / ".git"
        if git.is_dir():
            return place, git
        if git.is_file():  # a work tree of its own, or a submodule
            text = git.read_text(encoding="utf-8", errors="replace").strip()
            if text.startswith("gitdir:"):
                return place, (place / text[len("gitdir:") :].strip()).resolve()
    return None


def read_commit(git: Path) -> str:
    """Read which commit is checked out, without running git; an empty text if that cannot be told."""
    head = (git / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    if not head.startswith("ref:"):
        return head if _HASH.match(head) else ""
    ref = head[len("ref:") :].strip()
    if ".." in ref or ref.startswith(("/", "\\")):
        return ""
    shared = git / "commondir"
    homes = [git, (git / shared.read_text(encoding="utf-8").strip()).resolve()] if shared.is_file() else [git]
    for home in homes:
        loose = home / ref
        if loose.is_file():
            text = loose.read_text(encoding="utf-8", errors="replace").strip()
            return text if _HASH.match(text) else ""
        packed = home / "packed-refs"
        if packed.is_file() and packed.stat().st_size <= _MAX_REFS_BYTES:
            for line in packed.read_text(encoding="utf-8", errors="replace").splitlines():
                value, _, name = line.partition(" ")
                if name == ref and _HASH.match(value):
                    return value
    return ""


def is_changed(git: Path, work_tree: Path, folder: Path) -> bool:
    """Tell whether a file of this very folder differs from what git last saw of it.

    Only what is cheap is looked at: files that git tracks, right in the folder, within 20 ms. Changes elsewhere stay unseen.
    """
    index = git / "index"
    if not index.is_file() or index.stat().st_size > _MAX_INDEX_BYTES:
        return False
    until = time.monotonic() + _DIRTY_S
    inside = folder.resolve().relative_to(work_tree.resolve()).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    for name, size, blob in read_index(index.read_bytes()):
        if not name.startswith(prefix) or "/" in name[len(prefix) :]:
            continue
        if time.monotonic() > until:
            return False
        file = work_tree / name
        try:
            found = file.stat().st_size
            if found != size:
                return True
            if found <= _MAX_FILE_BYTES:
                content = file.read_bytes()
                seen = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
                if seen != blob:
                    return True
        except FileNotFoundError:
            return True
        except OSError:
            continue
    return False


def read_index(data: bytes) -> list[tuple[str, int, str]]:
    """Parse git's index, versions 2 and 3: name, size and blob of each file. Anything else gives nothing."""
    if len(data) < 12 or data[:4] != b"DIRC":
        return []
    version, count = struct.unpack(">II", data[4:12])
    if version not in (2, 3):
        return []
    rows = []
    at = 12
    for _ in range(count):
        if at + 62 > len(data):
            return []
        (size,) = struct.unpack(">I", data[at + 36 : at + 40])
        blob = data[at + 40 : at + 60].hex()
        (flags,) = struct.unpack(">H", data[at + 60 : at + 62])
        start = at + 62 + (2 if version == 3 and flags & 0x4000 else 0)
        end = data.find(b"\0", start)
        if end < 0:
            return []
        rows.append((data[start:end].decode("utf-8", "replace"), size, blob))
        at += (end - at + 8) // 8 * 8
    return rows
