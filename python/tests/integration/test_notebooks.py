"""A notebook in a real Jupyter kernel."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from real_server import assert_adds_up, eventually

from lineitem._cells import cell_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from real_server import Server

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("signed_in")]

SHOW = """\
from lineitem import Cluster
cluster = Cluster(n_workers=1, nthreads=1)
cluster"""

WORK = """\
import time
client = cluster.get_client()

def burn(n):
    end = time.perf_counter() + 0.25
    while time.perf_counter() < end:
        sum(range(1000))
    return n

# A second function, so that the line of the call is not the first of its kind.
numbers = client.gather(client.map(burn, range(8)))
import ipykernel.compiler
print(sum(numbers), ipykernel.compiler.get_file_name(In[-1]))"""

CLOSE = """\
client.close()
cluster.close()
print(cluster.id)"""

BILL = """\
cluster.bill()"""


BURN = """\
def burn(n):
    end = time.perf_counter() + 0.25
    while time.perf_counter() < end:
        sum(range(1000))
    return n
"""


def printed(cell: Any) -> str:
    """Return what a cell printed."""
    return "".join(o["text"] for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")


def shown(cell: Any) -> list[Any]:
    """Return what a cell displayed beside its value."""
    return [o["data"] for o in cell.outputs if o.output_type == "display_data"]


@contextmanager
def kernel(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Start a kernel; yields a function that runs one cell in it."""
    monkeypatch.setenv("IPYTHONDIR", str(scripts))
    notebook = nbformat.v4.new_notebook()
    executor = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True)

    def run(text: str) -> Any:
        cell = nbformat.v4.new_code_cell(text)
        notebook.cells.append(cell)
        return executor.execute_cell(cell, len(notebook.cells) - 1)

    with executor.setup_kernel():
        yield run


@pytest.mark.usefixtures("server")
def test_a_line_after_a_cell_says_what_it_cost(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kernel(scripts, monkeypatch) as run:
        run("import time; from lineitem import Cluster\ncluster = Cluster(n_workers=1, nthreads=1)")
        quiet = run("client = cluster.get_client(); client.wait_for_workers(1); time.sleep(1.2)")
        assert shown(quiet) == []  # nothing was asked of the cluster, however long it took
        short = run("assert client.submit(sum, [1, 2]).result() == 3")
        assert shown(short) == []  # not worth a word
        (line,) = shown(run(BURN + "client.gather(client.map(burn, range(6)))"))
        # One worker with one thread: the work is nearly all there is, and it is on the line that asked for it.
        assert re.fullmatch(
            r"\$0\.\d+( so far)? · \d\.\d s · \d+\u202f% own Python \(cell 4, line 6\)( · \d+\u202f% idle)?",
            line["text/plain"],
        )
        assert "/clusters/cl_" in line["text/html"]
        assert "<script" not in line["text/html"]
        run("import dask; dask.config.set({'lineitem.receipts': False})")
        assert shown(run("client.gather(client.map(burn, range(10, 16)))")) == []
        run("dask.config.set({'lineitem.receipts': True})\n%unload_ext lineitem")
        assert shown(run("client.gather(client.map(burn, range(20, 26)))")) == []
        run("client.close(); cluster.close()")


@pytest.mark.usefixtures("server")
def test_a_cluster_says_how_it_starts(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kernel(scripts, monkeypatch) as run:
        (line,) = shown(run("from lineitem import Cluster\ncluster = Cluster(n_workers=1, nthreads=1, name='nowcast')"))
        assert re.match(r"nowcast · (starting|running) · [01] of 1 workers · \$0\.\d+/h$", line["text/plain"])
        # Displayed in another cell it is the widget; in the same one the line becomes it: one cell, one output.
        (widget,) = shown(run("cluster"))
        assert widget["text/plain"].startswith("Cluster nowcast, ")
        (both,) = shown(run("other = Cluster(n_workers=0, name='other')\nother"))
        assert both["text/plain"].startswith("Cluster other, ")
        failed = run("Cluster(n_workers=0, name='broken', python='/no/python', start_timeout=60)")
        (line,) = shown(failed)
        assert line["text/plain"].startswith("broken · ")
        assert [o.ename for o in failed.outputs if o.output_type == "error"]
        run("cluster.close(); other.close()")


@pytest.mark.usefixtures("server")
def test_the_cost_magic_shows_the_bill_of_a_cell(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kernel(scripts, monkeypatch) as run:
        nothing = run("import lineitem\n%cost")
        assert printed(nothing) == "No cluster of a Lineitem server is in use here, so there is no bill.\n"
        run("import time; cluster = lineitem.Cluster(n_workers=1, nthreads=1); client = cluster.get_client()")
        run(BURN + "client.gather(client.map(burn, range(4)))")
        cell = run("%%cost\n" + BURN.replace("burn", "toil") + "client.gather(client.map(toil, range(4)))")
        assert cell.outputs[0]["data"]["text/plain"] == "[0, 1, 2, 3]"
        (bill,) = shown(cell)  # and no line besides
        assert "client.gather(client.map(toil, range(4)))" in bill["text/html"]
        assert "client.gather(client.map(burn" not in bill["text/html"]
        assert "own Python" in bill["text/html"]
        (both,) = shown(run("%cost"))
        assert "client.gather(client.map(burn" in both["text/html"]
        failed = run("%%cost\nbefore = 7\n1 / 0")
        assert [o.ename for o in failed.outputs if o.output_type == "error"] == ["ZeroDivisionError"]
        assert printed(run("print(before)")) == "7\n"
        assert "The code goes below it" in printed(run("%%cost -x\n1")).replace("the code", "The code")
        assert shown(run("%cost client.submit(sum, [1]).result();"))
        run("client.close(); cluster.close()")


def test_bill_names_cells_and_their_text(server: Server, scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(scripts))
    monkeypatch.setenv("DASK_LINEITEM__CLUSTER__REFRESH_INTERVAL", "500ms")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in (SHOW, WORK, CLOSE)]
    executor = NotebookClient(notebook, timeout=120, kernel_name="python3")
    with executor.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            executor.execute_cell(cell, index)
        show, work, close = notebook.cells
        total, filename = printed(work).split()
        assert total == "28"
        cluster_id = printed(close).strip()
        with server.api() as api:
            eventually("the cluster has ended", lambda: api.get_cluster(cluster_id).ended)
        # The bill is asked for after the end: what the server misses of the notebook's text is sent first.
        last = nbformat.v4.new_code_cell(BILL)
        notebook.cells.append(last)
        executor.execute_cell(last, 3)

    with server.api() as api:
        bill = api.bill(cluster_id)
        assert api.get_cluster(cluster_id).sources_wanted == ()
    cell = cell_name(filename)
    assert cell is not None
    burned = [line for line in bill.lines if line.file == cell]
    assert burned
    lines = WORK.splitlines()
    for line in burned:
        assert line.text.strip() == lines[line.line - 1].strip()
    assert {line.function for line in burned} >= {"burn"}
    assert sum(line.cost_nanos for line in burned) == sum(line.cost_nanos for line in bill.lines)
    assert_adds_up(bill)
    with server.api() as api:
        assert api.get_source(cluster_id, cell).text.splitlines() == lines

    (widget,) = show.outputs
    html = widget["data"]["text/html"]
    # One output, brought up to date in place, without anything that a dead kernel or another page would lack.
    assert re.search(r">(stopping|stopped)<", html)
    assert "Cost so far" in html
    assert f"/clusters/{cluster_id}" in html
    assert "<script" not in html
    assert "class=" not in html
    (table,) = last.outputs
    # Cells are called as the notebook numbers them.
    assert "<code>cell 2, line 11</code>" in table["data"]["text/html"]
    assert table["data"]["text/plain"].startswith(f"<Bill of {cluster_id}: $")


def test_source_text_stays_at_home_if_it_is_switched_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_LINEITEM__SOURCE_TEXT", "False")
    monkeypatch.setenv("DASK_LINEITEM__CLUSTER__REFRESH_INTERVAL", "500ms")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in (SHOW, WORK, CLOSE)]
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    cluster_id = printed(notebook.cells[2]).strip()
    with server.api() as api:
        eventually("the cluster has ended", lambda: api.get_cluster(cluster_id).ended)
        assert api.list_sources(cluster_id).items == ()
        assert api.bill(cluster_id).lines
