from __future__ import annotations

from typing import NamedTuple

import pytest

from lineitem.agent.common._stacks import Classifier
from lineitem.agent.scheduler._submissions import BURST, NOWHERE, SubmissionBook, find_origin, id_base, source_of

CLASSIFY = Classifier()

FUNCTION = """\
@task(
    retries=2)
def pipeline(path):
    frame = read(path)
    return frame.compute()
"""

MODULE = """\
import dask

def helper():
    pass

result = helper().compute()
"""


class SourceCode(NamedTuple):
    """As ``distributed.client.SourceCode``."""

    code: str
    lineno_frame: int
    lineno_relative: int
    filename: str


def test_the_innermost_user_line_is_chosen() -> None:
    code = (
        SourceCode(MODULE, 6, 5, "/home/ana/main.py"),
        SourceCode(FUNCTION, 44, 4, "/home/ana/flow.py"),
        SourceCode("def compute(self):\n    pass\n", 100, 1, "/env/lib/python3.11/site-packages/wrapper/core.py"),
    )
    origin = find_origin(code, CLASSIFY)
    assert (origin.file, origin.line, origin.function) == ("/home/ana/flow.py", 44, "pipeline")
    assert origin.text == "return frame.compute()"
    assert origin.module_source is None


def test_code_outside_of_functions_brings_its_file() -> None:
    origin = find_origin((SourceCode(MODULE, 6, 5, "/home/ana/main.py"),), CLASSIFY)
    assert (origin.line, origin.function, origin.text) == (6, "<module>", "result = helper().compute()")
    found = source_of(origin)
    assert found is not None
    assert found[1] == MODULE
    assert len(found[0]) == 64


def test_a_file_that_begins_with_a_function_is_still_a_file() -> None:
    text = "def helper():\n    return 1\n\nhelper().compute()\n"
    origin = find_origin((SourceCode(text, 4, 3, "/home/ana/main.py"),), CLASSIFY)
    assert (origin.function, origin.text) == ("<module>", "helper().compute()")
    only = "def helper():\n    return go()\n"
    assert find_origin((SourceCode(only, 2, 1, "/home/ana/main.py"),), CLASSIFY).function == "helper"


def test_cells_keep_their_hash_and_their_text_stays_with_the_client() -> None:
    origin = find_origin((SourceCode("x = 1\nx.compute()", 2, 1, "/tmp/ipykernel_77/424242.py"),), CLASSIFY)
    assert (origin.file, origin.line, origin.text) == ("cell:424242", 2, "x.compute()")
    assert origin.module_source is None


def test_an_installed_application_is_better_than_nothing() -> None:
    packages = "/env/lib/python3.11/site-packages"
    code = (
        SourceCode("", 10, 2, f"{packages}/app/main.py"),
        SourceCode("", 20, 3, f"{packages}/dask/base.py"),
    )
    origin = find_origin(code, CLASSIFY)
    assert (origin.file, origin.line) == (f"{packages}/app/main.py", 10)
    assert find_origin((), CLASSIFY) is NOWHERE
    assert find_origin(code[1:], CLASSIFY) is NOWHERE


@pytest.mark.parametrize("relative", [-3, 99])
def test_odd_line_numbers_do_not_matter(relative: int) -> None:
    assert find_origin((SourceCode(FUNCTION, 44, relative, "/a.py"),), CLASSIFY).text == ""


def test_long_text_is_cut() -> None:
    code = f"def f():\n    x = '{'y' * 1000}'\n"
    assert len(find_origin((SourceCode(code, 12, 1, "/a.py"),), CLASSIFY).text) == 400


def test_ids_count_from_one_and_rows_are_taken_once() -> None:
    book = SubmissionBook()
    first, second = book.open("c", NOWHERE, 10), book.open("c", NOWHERE, 11)
    book.count(first, 3)
    book.count(second, 4)
    assert (first, second) == (1, 2)
    rows = book.take(with_text=True)
    assert [(row["id"], row["tasks"], row["at_us"]) for row in rows] == [(1, 3, 10), (2, 4, 11)]
    assert book.take(with_text=True) == []
    assert book.open("c", NOWHERE, 12) == 3


def test_text_stays_where_it_is_not_wanted() -> None:
    book = SubmissionBook()
    origin = find_origin((SourceCode(MODULE, 6, 5, "/home/ana/main.py"),), CLASSIFY)
    book.open("c", origin, 1)
    row = book.take(with_text=False)[0]
    assert (row["text"], row["line"]) == ("", 6)


def test_a_storm_of_submits_from_one_line_is_bounded() -> None:
    book = SubmissionBook()
    ids = []
    for _ in range(BURST * 10):
        ids.append(book.open("c", NOWHERE, 1))
        book.count(ids[-1], 1)
    other = book.open("another client", NOWHERE, 1)
    assert len(set(ids)) == BURST
    assert other == BURST + 1
    rows = book.take(with_text=True)
    assert sum(row["tasks"] for row in rows) == BURST * 10
    assert book.open("c", NOWHERE, 2) == BURST + 2


def test_ids_of_a_restarted_scheduler_do_not_collide() -> None:
    assert id_base("cl_1-scheduler-1") == 0
    assert id_base("cl_1-scheduler-2") == 1 << 32
    assert id_base("cl_1-scheduler") == 0
    assert id_base("") == 0
