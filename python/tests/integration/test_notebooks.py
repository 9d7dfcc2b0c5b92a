"""A notebook in a real Jupyter kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient
from real_server import assert_adds_up, eventually

from lineitem._cells import cell_name

if TYPE_CHECKING:
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
        total, filename = work.outputs[-1]["text"].split()
        assert total == "28"
        cluster_id = close.outputs[-1]["text"].strip()
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
    assert f"<code>{cell[:13]}:" in table["data"]["text/html"]
    assert table["data"]["text/plain"].startswith(f"<Bill of {cluster_id}: $")


def test_source_text_stays_at_home_if_it_is_switched_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_LINEITEM__SOURCE_TEXT", "False")
    monkeypatch.setenv("DASK_LINEITEM__CLUSTER__REFRESH_INTERVAL", "500ms")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in (SHOW, WORK, CLOSE)]
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    cluster_id = notebook.cells[2].outputs[-1]["text"].strip()
    with server.api() as api:
        eventually("the cluster has ended", lambda: api.get_cluster(cluster_id).ended)
        assert api.list_sources(cluster_id).items == ()
        assert api.bill(cluster_id).lines
