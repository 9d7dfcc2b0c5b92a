from __future__ import annotations

import asyncio
import random
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

import lineitem
from lineitem import ConfigurationError
from lineitem.origins import _session
from lineitem.origins._tags import current_tags

if TYPE_CHECKING:
    from pathlib import Path


def test_tags_nest_and_end() -> None:
    assert current_tags() == {}
    with lineitem.tag(project="churn", stage="load"):
        with lineitem.tag(stage="train", run=3):
            assert current_tags() == {"project": "churn", "stage": "train", "run": "3"}
        assert current_tags() == {"project": "churn", "stage": "load"}
    assert current_tags() == {}


def test_a_tag_ends_with_an_exception_too() -> None:
    with pytest.raises(KeyError), lineitem.tag(project="churn"):
        raise KeyError
    assert current_tags() == {}


def test_one_tag_can_be_used_again_and_inside_itself() -> None:
    mine = lineitem.tag(project="churn")
    with mine, mine:
        assert current_tags() == {"project": "churn"}
    assert current_tags() == {}


def test_functions_and_coroutines_can_be_tagged() -> None:
    @lineitem.tag(project="churn")
    def plain(number: int) -> tuple[int, dict[str, str]]:
        """Say."""
        return number, current_tags()

    @lineitem.tag(project="later")
    async def waiting() -> dict[str, str]:
        await asyncio.sleep(0)
        return current_tags()

    assert plain(3) == (3, {"project": "churn"})
    assert plain.__doc__ == "Say."
    assert asyncio.run(waiting()) == {"project": "later"}
    assert current_tags() == {}


def test_threads_and_tasks_keep_to_themselves() -> None:
    seen = []
    with lineitem.tag(project="churn"):
        thread = threading.Thread(target=lambda: seen.append(current_tags()))
        thread.start()
        thread.join()
    assert seen == [{}]

    async def work(name: str) -> str:
        with lineitem.tag(who=name):
            await asyncio.sleep(0)
            return current_tags()["who"]

    async def both() -> list[str]:
        return list(await asyncio.gather(work("ana"), work("ben")))

    assert asyncio.run(both()) == ["ana", "ben"]


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({}, "needs a name and a value"),
        ({"project": None}, "is a NoneType"),
        ({"project": ["a"]}, "is a list"),
        ({"p" * 65: "a"}, "has 65 characters"),
        ({"project": "a" * 201}, "a value of 201 characters"),
        ({"project": "a\nb"}, "cannot be shown"),
        ({f"t{n}": n for n in range(21)}, "21 tags are too many"),
    ],
)
def test_wrong_tags_are_refused_with_a_sentence(tags: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        lineitem.tag(**tags)  # type: ignore[arg-type]
    assert current_tags() == {}


def test_too_many_tags_inside_each_other() -> None:
    with lineitem.tag(**{f"a{n}": n for n in range(20)}):
        with pytest.raises(ConfigurationError, match="21 tags at once"), lineitem.tag(more=1):
            pass
        assert len(current_tags()) == 20
    assert current_tags() == {}


def _git(folder: Path, *words: str) -> str:
    options = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *options, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_found_as_git_says(scripts: Path) -> None:
    _git(scripts, "init", "--quiet")
    inner = scripts / "jobs" / "deep"
    inner.mkdir(parents=True)
    file = inner / "flights.py"
    file.write_text("print(1)\n")
    _git(scripts, "add", ".")
    found = _session.find_repository(inner)
    assert found is not None
    assert _session.read_commit(found[1]) == ""  # no commit yet
    _git(scripts, "commit", "--quiet", "-m", "first")
    commit = _git(scripts, "rev-parse", "HEAD")
    assert _session.read_commit(found[1]) == commit
    assert not _session.is_changed(found[1], found[0], inner)
    file.write_text("print(2)\n")
    assert _session.is_changed(found[1], found[0], inner)
    file.write_text("print(1)\n")
    assert not _session.is_changed(found[1], found[0], inner)
    file.unlink()
    assert _session.is_changed(found[1], found[0], inner)
    _git(scripts, "checkout", "--quiet", "--", ".")
    _git(scripts, "pack-refs", "--all")
    assert _session.read_commit(found[1]) == commit
    _git(scripts, "checkout", "--quiet", "--detach")
    assert _session.read_commit(found[1]) == commit
    _git(scripts, "worktree", "add", "--quiet", "-b", "other", "tree")
    other = _session.find_repository(scripts / "tree")
    assert other is not None
    assert _session.read_commit(other[1]) == commit


def test_a_damaged_repository_is_no_matter(scripts: Path) -> None:
    git = scripts / ".git"
    git.mkdir()
    for head in ("ref: ../../etc/passwd", "ref: refs/heads/none", "nonsense", ""):
        (git / "HEAD").write_text(head)
        assert _session.read_commit(git) == ""
    chance = random.Random(3)
    for _ in range(500):
        rows = _session.read_index(b"DIRC" + chance.randbytes(chance.randint(0, 200)))
        assert isinstance(rows, list)
    huge = b"DIRC" + (2).to_bytes(4, "big") + (2**31).to_bytes(4, "big") + b"\0" * 100
    assert isinstance(_session.read_index(huge), list)


def test_a_session_says_who_and_what() -> None:
    session = _session.describe()
    assert session["user"]
    assert session["host"]
    assert session["kind"] == "script"
    assert set(session) == {"user", "host", "kind", "path", "commit", "dirty"}
