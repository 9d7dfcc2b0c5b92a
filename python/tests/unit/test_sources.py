from __future__ import annotations

import linecache

import pytest
from ipykernel.compiler import XCachingCompiler
from IPython.core.compilerop import CachingCompiler

from lineitem._cells import cell_name
from lineitem._sources import MAX_BYTES, cell_texts
from lineitem.agent.common._stacks import normalise_file

FILES = [
    "/tmp/ipykernel_4711/1234567.py",
    "C:\\Temp\\ipykernel_4711\\1234567.py",
    "<ipython-input-3-0123456789ab>",
    "/home/ana/load.py",
    "/home/ana/ipykernel_x/12.py",
    "/tmp/ipykernel_4711/helper.py",
    "<string>",
    "<stdin>",
    "cell:1",
]


@pytest.mark.parametrize("file", FILES)
def test_client_and_agent_give_cells_the_same_names(file: str) -> None:
    name = cell_name(file)
    assert normalise_file(file) == (file if name is None else name)


def test_only_cells_are_cells() -> None:
    assert [cell_name(file) for file in FILES] == ["cell:1234567"] * 2 + ["cell:0123456789ab"] + [None] * 6


@pytest.mark.parametrize("compiler", [XCachingCompiler(), CachingCompiler()], ids=["kernel", "terminal"])
def test_text_of_cells_is_found_where_ipython_keeps_it(compiler: CachingCompiler) -> None:
    text = "x = 1\nprint(x)\n"
    name = cell_name(compiler.cache(text, 1))
    assert name is not None
    assert cell_texts([name, "cell:unknown", "/home/ana/load.py"]) == {name: text}
    assert cell_texts([]) == {}


def test_files_are_never_sent_and_huge_cells_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = "x" * (MAX_BYTES + 1)
    entries = {
        "/tmp/ipykernel_1/11.py": (len(huge), None, [huge], "/tmp/ipykernel_1/11.py"),
        "/tmp/ipykernel_1/22.py": (lambda: "lazy",),
        "/home/ana/load.py": (1, None, ["secret\n"], "/home/ana/load.py"),
    }
    monkeypatch.setattr(linecache, "cache", entries)
    assert cell_texts(["cell:11", "cell:22", "/home/ana/load.py"]) == {}
