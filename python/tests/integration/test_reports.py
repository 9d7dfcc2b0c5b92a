"""The overview and the report of a week from the real server, as their readers get them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import httpx
import pytest
from real_server import eventually

from lineitem import AsyncLineitem, Cluster, InvalidInput, Lineitem, NotAllowed, NotFound, Overview, Report

if TYPE_CHECKING:
    from real_server import Server

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("signed_in")]


def spend(group: str) -> None:
    """Run a cluster that a group pays for, until it has ended."""
    with Cluster(n_workers=1, nthreads=1, group=group) as cluster, cluster.get_client() as client:
        client.gather(client.map(lambda n: sum(range(n)), range(200_000, 200_010)))
        cluster.bill()  # all have reported
    with Lineitem() as api:
        eventually("the cluster has ended", lambda: api.get_cluster(cluster.id).ended)


def this_week() -> str:
    year, week, _ = datetime.now(timezone.utc).isocalendar()
    return f"{year}-W{week:02}"


def test_a_group_is_reported_to_who_leads_it(server: Server) -> None:
    def change(method: str, path: str, **body: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {server.token}"}
        answer = httpx.request(method, f"{server.url}/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        said: dict[str, str] = answer.json()
        return said

    change("POST", "/groups", name="lab")
    change("POST", "/groups", name="cells", parent="/lab")
    change("POST", "/groups", name="office")
    code = change("POST", "/users", name="lea", role="user")["sign_in_url"].partition("#code=")[2]
    change("PUT", "/groups/lab/members/lea", role="lead")
    with Lineitem(server.url) as anyone:
        lead_token = anyone.create_token("tests", code=code).secret

    spend("/lab/cells")
    spend("/office")
    with server.api() as api, Lineitem(server.url, lead_token) as lead:
        week = this_week()
        start = api.report(week).overview.start
        paid = {row.keys[0]: row.cost_nanos for row in api.cost_breakdown("group", since=start).rows}
        assert paid["/lab/cells"] > 0
        assert paid["/office"] > 0

        lab = lead.report(week, group="/lab")
        assert (lab.week, lab.scope, lab.reader, lab.weeks) == (week, "/lab", "lea", ())
        assert lab.overview.total_nanos == paid["/lab/cells"]
        assert lab.overview.clusters == 1
        assert lab.total == lab.overview.total > 0
        assert sum(part.cost_nanos for part in lab.overview.split) == lab.overview.total_nanos
        assert sum(payer.cost_nanos for payer in lab.overview.payers) == lab.overview.total_nanos
        mended_by_owners = [part for part in lab.overview.split if part.fixer == "owner" and part.cost_nanos]
        for part in mended_by_owners:  # the one who ran it
            assert [(owner.user, owner.cost_nanos) for owner in part.owners] == [("admin", part.cost_nanos)]
            assert part.more_owners == 0
        assert mended_by_owners

        assert lead.report(week).overview.total_nanos == 0  # they ran nothing themselves
        with pytest.raises(NotFound):
            lead.report(week, group="/office")
        with pytest.raises(NotAllowed):
            lead.report(week, scope="all")
        with pytest.raises(InvalidInput):
            lead.report(week, group="/lab", scope="own")

        month = api.overview()
        assert isinstance(month, Overview)
        assert month.whole
        assert month.total == sum((payer.cost for payer in month.payers), start=0 * month.total)
        assert lead.overview(since=start).total_nanos == paid["/lab/cells"]

        async def again() -> tuple[Overview, Report]:
            async with AsyncLineitem(server.url, lead_token) as other:
                return await other.overview(since=start), await other.report(week, group="cells")

        overview, cells = asyncio.run(again())
        assert overview.total_nanos == cells.overview.total_nanos == paid["/lab/cells"]
        assert cells.scope == "/lab/cells"
