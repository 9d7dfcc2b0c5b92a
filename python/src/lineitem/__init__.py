"""Dask clusters with a bill: client, :class:`Cluster` and agent of the Lineitem server.

Names are loaded when they are first used: the agent inside schedulers and workers imports this package too, and needs none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineitem import _config, origins
from lineitem._version import __version__

if TYPE_CHECKING:
    from lineitem._async_client import AsyncLineitem
    from lineitem._bill import Bill
    from lineitem._client import Lineitem
    from lineitem._cluster import Cluster
    from lineitem._costs import (
        BreakdownRow,
        CostBreakdown,
        CostItem,
        CostList,
        InvoiceApplied,
        InvoicedMonth,
        InvoiceFactor,
        LedgerMonth,
        LedgerMonthList,
        LedgerSummary,
        PriceCovers,
    )
    from lineitem._exceptions import (
        ApiError,
        ClusterError,
        ClusterFailed,
        ClusterNotRunning,
        ClusterStartTimeout,
        ConfigurationError,
        Conflict,
        InvalidInput,
        LineitemError,
        NotAllowed,
        NotFound,
        NotSignedIn,
        ServerFault,
        ServerUnreachable,
        TooLarge,
        Unavailable,
    )
    from lineitem._figures import BillCategory, BillLine, BillPrefix
    from lineitem._models import (
        GPU,
        ClusterInfo,
        ClusterList,
        ClusterOptions,
        Credentials,
        Environment,
        EnvironmentPackage,
        Event,
        EventList,
        FieldError,
        Gauges,
        GPUCost,
        Logs,
        LogsList,
        Me,
        Membership,
        PackageList,
        PackageUse,
        PriceUse,
        Process,
        ProcessList,
        RateCard,
        Read,
        ReadList,
        Receipt,
        ReceiptLine,
        ResourceList,
        ResourceSeries,
        Source,
        SourceList,
        Submission,
        SubmissionList,
        Timeline,
        TimelineRow,
        Token,
        TokenList,
        User,
        WatchAnswer,
    )
    from lineitem._overview import (
        Overview,
        OverviewAnomaly,
        OverviewForecast,
        OverviewLine,
        OverviewMover,
        OverviewMovers,
        OverviewOwner,
        OverviewPart,
        OverviewPayer,
        OverviewPoint,
        OverviewQuestion,
        Report,
        ReportWeek,
    )
    from lineitem._sql import SQLColumn, SQLResult
    from lineitem._watch import WatchedCluster, watch
    from lineitem.origins._tags import tag

__all__ = [
    "GPU",
    "ApiError",
    "AsyncLineitem",
    "Bill",
    "BillCategory",
    "BillLine",
    "BillPrefix",
    "BreakdownRow",
    "Cluster",
    "ClusterError",
    "ClusterFailed",
    "ClusterInfo",
    "ClusterList",
    "ClusterNotRunning",
    "ClusterOptions",
    "ClusterStartTimeout",
    "ConfigurationError",
    "Conflict",
    "CostBreakdown",
    "CostItem",
    "CostList",
    "Credentials",
    "Environment",
    "EnvironmentPackage",
    "Event",
    "EventList",
    "FieldError",
    "GPUCost",
    "Gauges",
    "InvalidInput",
    "InvoiceApplied",
    "InvoiceFactor",
    "InvoicedMonth",
    "LedgerMonth",
    "LedgerMonthList",
    "LedgerSummary",
    "Lineitem",
    "LineitemError",
    "Logs",
    "LogsList",
    "Me",
    "Membership",
    "NotAllowed",
    "NotFound",
    "NotSignedIn",
    "Overview",
    "OverviewAnomaly",
    "OverviewForecast",
    "OverviewLine",
    "OverviewMover",
    "OverviewMovers",
    "OverviewOwner",
    "OverviewPart",
    "OverviewPayer",
    "OverviewPoint",
    "OverviewQuestion",
    "PackageList",
    "PackageUse",
    "PriceCovers",
    "PriceUse",
    "Process",
    "ProcessList",
    "RateCard",
    "Read",
    "ReadList",
    "Receipt",
    "ReceiptLine",
    "Report",
    "ReportWeek",
    "ResourceList",
    "ResourceSeries",
    "SQLColumn",
    "SQLResult",
    "ServerFault",
    "ServerUnreachable",
    "Source",
    "SourceList",
    "Submission",
    "SubmissionList",
    "Timeline",
    "TimelineRow",
    "Token",
    "TokenList",
    "TooLarge",
    "Unavailable",
    "User",
    "WatchAnswer",
    "WatchedCluster",
    "__version__",
    "tag",
    "watch",
]

_HOMES = (
    "origins._tags",
    "_watch",
    "_cluster",
    "_client",
    "_async_client",
    "_bill",
    "_figures",
    "_sql",
    "_overview",
    "_costs",
    "_exceptions",
    "_models",
)

_config.merge_defaults()
origins.install()


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lineitem' has no attribute {name!r}")
    import importlib

    # From the light modules to the heavy: an exception's class does not need Dask's cluster.
    for home in reversed(_HOMES):
        module = importlib.import_module(f"lineitem.{home}")
        if getattr(module, name, None) is not None and getattr(module, name).__module__ == module.__name__:
            value = getattr(module, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'lineitem' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Say after each cell what it cost, and give IPython the ``%%cost`` magic: for ``%load_ext lineitem``."""
    from lineitem import _after

    _after.install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Say nothing more after cells."""
    from lineitem import _after

    _after.uninstall(shell)


def _join_shell() -> None:
    """Do what ``%load_ext lineitem`` does, if this is IPython; without a word if that does not work."""
    import sys

    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if get_ipython is None:
        return
    try:
        shell = get_ipython()
        if shell is not None:
            load_ipython_extension(shell)
            shell.extension_manager.loaded.add("lineitem")  # so that %unload_ext works
    except Exception:
        import logging

        logging.getLogger("lineitem").info(
            "Lineitem could not join IPython; cells are not followed by a line.", exc_info=True
        )


_join_shell()


def __dir__() -> list[str]:
    return sorted(__all__)
