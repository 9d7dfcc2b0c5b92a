"""Who has which package, told apart by use: two clusters that have it, one of which imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from real_server import eventually

from lineitem import Cluster, Lineitem

if TYPE_CHECKING:
    from pathlib import Path

    from real_server import Server

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("signed_in")]

XGBOOST = """\
import time

def train(n):
    end = time.perf_counter() + 0.25
    while time.perf_counter() < end:
        sum(range(1000))
    return n
"""


def install_old_xgboost(scripts: Path) -> Path:
    """Make up an installed package, in a folder as tools make them."""
    site = scripts / "lib" / "site-packages"
    (site / "xgboost").mkdir(parents=True)
    (site / "xgboost" / "__init__.py").write_text(XGBOOST)
    about = site / "XGBoost-1.7.6.dist-info"
    about.mkdir()
    (about / "top_level.txt").write_text("xgboost\n")
    (about / "INSTALLER").write_text("pip\n")
    return site


def test_importing_and_only_having_are_told_apart(scripts: Path) -> None:
    # Functions in here travel by value: workers cannot import this module.
    def boost(n: int) -> int:
        import xgboost  # type: ignore[import-not-found]

        return int(xgboost.train(n))

    def abstain(n: int) -> int:
        return n

    site = install_old_xgboost(scripts)
    ids = {}
    for name, function in (("uses", boost), ("has", abstain)):
        with (
            Cluster(n_workers=1, nthreads=1, name=name, env={"PYTHONPATH": str(site)}) as cluster,
            cluster.get_client() as client,
        ):
            assert sum(client.gather(client.map(function, range(8)))) == 28
            ids[name] = cluster.id
    with Lineitem() as api:
        for cluster_id in ids.values():
            eventually("the cluster has ended", lambda: api.get_cluster(cluster_id).ended)  # noqa: B023 -- called at once
        eventually("both are known", lambda: len(api.packages(name="xgboost", version="<2").items) == 2)
        uses = {use.cluster_id: use for use in api.packages(name="xgboost", version="<2").items}
        user, owner = uses[ids["uses"]], uses[ids["has"]]
        assert (user.version, owner.version) == ("1.7.6", "1.7.6")
        # Its code was found running in one of them, and in the other it only lies there.
        assert user.grade in ("imported", "seen")
        assert owner.grade == "installed"
        assert user.owner == owner.owner == api.me().user.name
        assert "worker" in user.where
        assert "worker" in owner.where
        assert user.cluster_cost_nanos > 0
        assert [use.cluster_id for use in api.packages(name="XGBoost", grade="imported").items] == [ids["uses"]]
        assert api.packages(name="xgboost", version=">=2").items == ()

        environment = api.environment(user.environment)
        assert {"xgboost"} <= {package.name for package in environment.packages}
        # The client has no such package: its environment is another one.
        (mine,) = {
            use.environment for use in api.packages(name="dask", cluster=ids["uses"]).items if use.where == ("client",)
        }
        assert mine != user.environment
        assert "xgboost" not in {package.name for package in api.environment(mine).packages}


def test_resources_of_workers_are_reported(server: Server) -> None:
    with Cluster(n_workers=1, nthreads=1) as cluster, cluster.get_client() as client:
        client.gather(client.map(abs, range(4)))
        cluster.bill()  # all have reported
        with server.api() as api:
            (series,) = api.resources(cluster.id, bins=5).items
    used = [value for value in series.rss_bytes if value is not None]
    assert used
    assert all(10e6 < value < 10e9 for value in used)
    assert series.memory_limit_bytes > 0
    assert series.name == "w-0"
