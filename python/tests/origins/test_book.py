from __future__ import annotations

import random
from typing import Any

import pytest
from dask._task_spec import Task, TaskRef

from lineitem.agent.common._names import inner_names, name_of
from lineitem.agent.scheduler._origins import (
    BY_CALL,
    BY_DEPENDENTS,
    BY_NAME,
    BY_TOKEN,
    NONE,
    OriginBook,
    read_session,
    read_tags,
)
from lineitem.agent.scheduler._reads import accesses

TOKEN = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2


def row(number: int, line: int = 10, text: str = "x = read()", callers: Any = ()) -> list[Any]:
    return [number, "/home/ana/flights.py", line, "main", text, list(callers)]


class Linked:
    """What the book asks of one of the scheduler's tasks."""

    def __init__(self, key: Any, *dependents: Any) -> None:
        self.key = key
        self.dependents = set(dependents)


linked = Linked


def entry_of(book: OriginBook, **fields: Any) -> Any:
    made = book.take_entry("Client-1", {"v": 1, "origins": [], "names": [], "default": 0, **fields})
    assert made is not None
    return made


def test_a_task_is_found_by_name_token_dependents_and_call() -> None:
    book = OriginBook()
    graph = entry_of(
        book,
        origins=[row(7), row(8, 11), row(9, 12)],
        names=[[f"read-csv-{TOKEN}", 7, []], ["total", 8, []]],
        default=9,
    )
    last = linked("total")
    barrier = linked("barrier-17", last)
    assert graph.of_task(linked((f"read-csv-{TOKEN}", 0))) == (1, BY_NAME)
    assert graph.of_task(linked((f"read-csv-{TOKEN}_.0_.1", 3))) == (1, BY_NAME)
    assert graph.of_task(linked((f"shuffle-transfer-{TOKEN}", 2, 1))) == (1, BY_TOKEN)
    assert graph.of_task(last) == (2, BY_NAME)
    assert graph.of_task(linked("before", barrier)) == (2, BY_DEPENDENTS)
    assert graph.of_task(linked(f"nothing-{OTHER}")) == (3, BY_CALL)
    without = entry_of(book, names=[["total", 8, []]])
    assert without.of_task(linked("lonely")) == (0, NONE)


def test_rings_of_dependents_end() -> None:
    book = OriginBook()
    graph = entry_of(book, origins=[row(1)], names=[["known", 1, []]])
    one, two = linked("one"), linked("two")
    one.dependents.add(two)
    two.dependents.add(one)
    assert graph.of_task(one) == (0, NONE)


def test_rows_are_sent_once_and_ids_are_the_schedulers() -> None:
    book = OriginBook(base=1 << 32)
    entry_of(book, origins=[row(5)], names=[["a", 5, []]])
    book.take_entry("Client-2", {"v": 1, "origins": [row(1)], "names": [["a", 1, []]], "default": 1})
    origins, parts, sessions = book.take(with_text=True)
    assert [made["id"] for made in origins] == [(1 << 32) + 1]
    assert origins[0]["text"] == "x = read()"
    assert (parts, sessions) == ([], [])
    # The same client sends only the number from now on.
    again = entry_of(book, names=[["b", 5, []]])
    assert again.names == {"b": (1 << 32) + 1}
    assert len(book) == 0


def test_a_client_that_comes_back_is_known_and_a_new_scheduler_is_not() -> None:
    book = OriginBook()
    entry_of(book, origins=[row(5)])
    assert entry_of(book, names=[["b", 5, []]]).names == {"b": 1}
    assert entry_of(OriginBook(), names=[["b", 5, []]]).names == {}


def test_shared_lines_are_told_again_when_they_grow() -> None:
    book = OriginBook()
    entry_of(book, origins=[row(1, 10), row(2, 11)], names=[["a", 2, []]])
    book.take(with_text=True)
    entry_of(book, names=[["a", 2, [1]]])
    origins, _, _ = book.take(with_text=True)
    assert [(made["id"], made["shared"]) for made in origins] == [(2, [1])]
    entry_of(book, names=[["a", 2, [1]]])
    assert len(book) == 0


def test_text_stays_where_it_is_not_wanted() -> None:
    book = OriginBook()
    entry_of(book, origins=[row(1)])
    assert book.take(with_text=False)[0][0]["text"] == ""


def test_the_same_line_from_two_callers_is_two_origins() -> None:
    book = OriginBook()
    entry_of(
        book,
        origins=[
            row(1, callers=[["/a.py", 3, "one"]]),
            row(2, callers=[["/a.py", 4, "two"]]),
            row(3, callers=[["/a.py", 4, "two"]]),
        ],
    )
    origins, _, _ = book.take(with_text=True)
    assert [made["callers"] for made in origins] == [[["/a.py", 3, "one"]], [["/a.py", 4, "two"]]]


def fused() -> Any:
    inner = Task((f"read-{TOKEN}", 0), abs, -1)
    outer = Task((f"add-{OTHER}", 0), abs, TaskRef(inner.key))
    return Task.fuse(inner, outer, key=(f"read-add-{OTHER}", 0))


def test_parts_of_fused_tasks_are_told_where_they_differ() -> None:
    spec = fused()
    assert sorted(inner_names(spec)) == [f"add-{OTHER}", f"read-{TOKEN}"]
    book = OriginBook()
    names = [[f"read-{TOKEN}", 1, []], [f"add-{OTHER}", 2, []], [f"read-add-{OTHER}", 2, []]]
    graph = entry_of(book, origins=[row(1, 10), row(2, 11)], names=names)
    done: set[str] = set()
    for _ in range(3):
        book.note_parts(4, f"read-add-{OTHER}", spec, graph, done)
    assert book.take(with_text=True)[1] == [[4, f"read-{TOKEN}", 1]]


def test_callables_of_users_are_not_asked_for_their_name() -> None:
    class Nosy:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

        def __call__(self) -> None: ...

    assert inner_names(Task("nosy", Nosy())) == []
    assert accesses(Task("nosy", Nosy(), Nosy(), nosy=Nosy())) == []


@pytest.mark.parametrize("key", ["a", ("a", 0), (("a", 1), 2), 5, 2.5, b"x", ("", 1), (), None])
def test_any_key_has_a_name(key: Any) -> None:
    assert isinstance(name_of(key), str)


def garbage(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randint(0, 9 if depth < 3 else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind in (1, 2):
        return chance.choice([0, 1, 2, -1, 1 << 70, 3])
    if kind in (3, 4):
        return "".join(chr(chance.randint(0, 500)) for _ in range(chance.randint(0, 400)))
    if kind == 5:
        return chance.random()
    if kind == 6:
        return chance.randbytes(5)
    if kind in (7, 8):
        return [garbage(chance, depth + 1) for _ in range(chance.randint(0, 7))]
    keys = ["v", "origins", "names", "default", "tags", "session", "user", "imported", "software", "environment"]
    return {chance.choice(keys): garbage(chance, depth + 1) for _ in range(chance.randint(0, 6))}


def test_whatever_a_client_sends_is_taken_or_left() -> None:
    chance = random.Random(5)
    book = OriginBook()
    for _ in range(3_000):
        sent = garbage(chance)
        if isinstance(sent, dict):
            sent["v"] = 1
        made = book.take_entry("Client-1", sent)
        if made is not None:
            made.of_task(linked(("x", 1)))
            assert len(made.tags) <= 20
    origins, parts, sessions = book.take(with_text=True)
    for found in origins:
        assert found["line"] >= 0
        assert len(found["file"]) <= 1_000
        assert len(found["text"]) <= 400
    assert parts == []
    for session in sessions:
        assert session["kind"] in ("notebook", "script", "shell", "")


def test_tags_and_sessions_are_cut_to_what_the_contract_allows() -> None:
    tags: dict[Any, Any] = {f"t{n}": "x" for n in range(30)} | {"": "x", "y" * 65: "x", "z": "x" * 201, 5: "x"}
    assert len(read_tags(tags)) == 20
    assert read_tags([1]) == {}
    session = read_session(
        "c" * 300, {"user": "u" * 300, "kind": "odd", "commit": "x" * 40, "dirty": 1, "imported": [1, "pandas"]}
    )
    assert len(session["client"]) == len(session["user"]) == 200
    assert (session["kind"], session["commit"], session["dirty"], session["imported"]) == ("", "", False, ["pandas"])
