"""What was spent, as the files and tables that data tools read: the real server, read back by the real tools."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from real_server import eventually

from lineitem import Cluster

if TYPE_CHECKING:
    from real_server import Server

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("signed_in")]

BY = ["cluster", "category", "operation", "line"]


def test_every_file_holds_the_same_money_as_the_answer(server: Server) -> None:
    with Cluster(n_workers=1, nthreads=1, name="spent") as cluster, cluster.get_client() as client:
        client.gather(client.map(lambda n: sum(range(n)), range(200_000, 200_020)))
        cluster.bill()  # all have reported
    with server.api() as api:
        eventually("the cluster has ended", lambda: api.get_cluster(cluster.id).ended)
        where = f"cluster={cluster.id}"
        answer = api.cost_breakdown(BY, where, limit=10_000)
        table = api.cost_arrow(BY, where)
        frame = api.cost_frame(BY, where, limit=1)
        files = {
            ending: httpx.get(
                f"{api.server}/api/v1/cost/breakdown.{ending}",
                params={"by": ",".join(BY), "where": where},
                auth=httpx.BasicAuth("any", server.token),
            )
            for ending in ("csv", "parquet", "arrow")
        }
    assert answer.total_nanos == sum(row.cost_nanos for row in answer.rows) > 0
    expected = {row.keys: row.cost_nanos for row in answer.rows}

    assert table == pa.ipc.open_file(io.BytesIO(files["arrow"].content)).read_all()
    parquet = pq.read_table(io.BytesIO(files["parquet"].content))
    assert parquet.schema.equals(table.schema, check_metadata=True)
    assert parquet.equals(table)
    rows = list(csv.DictReader(io.StringIO(files["csv"].text)))
    for read in (table.to_pylist(), rows):
        assert {tuple(row[name] for name in BY): int(row["cost_nanos"]) for row in read} == expected
        assert sum(Decimal(row["cost"]) for row in read) == answer.total
        assert {row["cluster_name"] for row in read} == {"spent"}

    assert table.schema.field("cost").type == pa.decimal128(19, 9)
    said = {key.decode().removeprefix("lineitem."): value.decode() for key, value in table.schema.metadata.items()}
    assert (said["currency"], said["zone"]) == (answer.currency, answer.zone)
    assert json.loads(said["by"]) == BY
    assert json.loads(said["where"]) == [where]
    assert int(said["total_nanos"]) == answer.total_nanos
    assert pd.Timestamp(said["start"]) <= pd.Timestamp(said["as_of"])

    # With fewer rows than there are, the last stands for the rest.
    assert len(frame) == 2
    assert frame["cost_nanos"].sum() == answer.total_nanos
    assert list(frame["rest_rows"]) == [0, len(answer.rows) - 1]
    assert frame.attrs["zone"] == answer.zone

    spreadsheet = pd.read_csv(io.StringIO(files["csv"].text))
    assert spreadsheet["cost_nanos"].sum() == answer.total_nanos
    assert (
        files["csv"].headers["Content-Disposition"].startswith('attachment; filename="lineitem-cost-cluster-category-')
    )
