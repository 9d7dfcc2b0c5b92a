"""Paths of data without secrets, and many of them as one pattern."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PATH = 500
_MAX_RAW = 4_000
_MAX_PATTERNS = 5

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):/{1,}")
# `name=value` in the middle of a path is a partition of a data set, unless the name says otherwise.
_TELLING_NAME = r"(?:[\w.-]*(?:token|secret|passw|pwd|credential|signature|api_?key|access_?key|account_?key|auth|sas)[\w.-]*|sig|key)"
_SECRET_PAIR = re.compile(rf"(?i)(?<![\w])({_TELLING_NAME})(=|:|%3d|%3a)([^/\\&;,\s]*)")
_KNOWN_SECRETS = re.compile(
    r"(?:AKIA|ASIA)[0-9A-Z]{12,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|glpat-[\w-]{16,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|AIza[\w-]{30,}|hf_[A-Za-z0-9]{20,}|dapi[0-9a-f]{32}|sk-[A-Za-z0-9_-]{20,}"
)
#: Azure writes the container where others write the user: no secret, as long as no password follows.
_CONTAINER_FIRST = frozenset({"abfs", "abfss", "wasb", "wasbs"})
_VARIES = re.compile(r"[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,}){0,4}|[0-9]+")


def without_secrets(path: str) -> str:
    """Return a path or URL without user, password, query, fragment and whatever else looks like a credential.

    Parameters
    ----------
    path
        As a user or a library wrote it; chained URLs (``simplecache::s3://…``) too.
    """
    text = "".join(char for char in path[:_MAX_RAW] if char.isprintable())
    return "::".join(_one_without_secrets(part) for part in text.split("::"))[:MAX_PATH]


def _one_without_secrets(text: str) -> str:
    found = _SCHEME.match(text)
    # A local file may have these characters in its name, a secret may be behind them: better a short name.
    text = re.split(r"[?#]", text, maxsplit=1)[0]
    if found:
        start = min(found.end(), len(text))
        head, rest = text[:start], text[start:]
        place, slash, inner = rest.partition("/")
        user, at, host = place.rpartition("@")
        if at:
            keep = found[1].lower() in _CONTAINER_FIRST and not re.search(r"[:%]", user)
            place = f"{user}@{host}" if keep else host
        # A second @ further in can only be a password with a slash in it.
        if not slash and not at:
            inner = ""
        elif "@" in inner and ":" in place:
            place, inner = "", inner.rpartition("@")[2]
        text = f"{head}{place}{slash}{inner}"
    elif "@" in text and ":" in text.rpartition("@")[0]:
        text = text.rpartition("@")[2]
    text = _SECRET_PAIR.sub(lambda match: f"{match[1]}{match[2]}*", text)
    return _KNOWN_SECRETS.sub("*", text)


def patterns(paths: Iterable[str]) -> dict[str, list[str]]:
    """Sort paths by pattern: digits and long identifiers that differ between files become ``*``.

    Returns
    -------
    dict
        The paths of each pattern, at most a handful of patterns for each folder.
    """
    skeletons: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        skeletons.setdefault(tuple(_VARIES.split(path)), []).append(path)
    merged: dict[str, list[str]] = {}
    for skeleton, members in skeletons.items():
        merged.setdefault(_pattern(skeleton, members), []).extend(members)
    if len(merged) <= _MAX_PATTERNS:
        return merged
    return _by_folder(merged)


def _pattern(skeleton: tuple[str, ...], members: list[str]) -> str:
    first = _VARIES.findall(members[0])
    same = list(first)
    for member in members[1:]:
        for place, part in enumerate(_VARIES.findall(member)):
            if part != first[place]:
                same[place] = "*"
    parts = [skeleton[0]]
    for place, plain in enumerate(skeleton[1:]):
        parts += [same[place], plain]
    return re.sub(r"\*{2,}", "*", "".join(parts))


def _by_folder(merged: dict[str, list[str]]) -> dict[str, list[str]]:
    folders: dict[tuple[str, str], list[str]] = {}
    for pattern in merged:
        folder, slash, name = pattern.rpartition("/")
        dot, extension = name.find("."), ""
        if dot > 0:
            extension = name[dot:] if "*" not in name[dot:] else "." + name.rpartition(".")[2]
        folders.setdefault((folder + slash, extension), []).append(pattern)
    result: dict[str, list[str]] = {}
    for (folder, extension), found in folders.items():
        name = found[0] if len(found) == 1 else f"{folder}*{extension}"
        result.setdefault(name, []).extend(member for pattern in found for member in merged[pattern])
    return result
