"""What the server says, as frozen dataclasses: the mirror of ``sdk/openapi.json``, field by field.

Money is in whole nano-units (billionths) of the named currency, times are in UTC, durations in seconds.
"""
# ruff: noqa: TC003 -- the decoder resolves the annotations at run time.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from lineitem._money import to_decimal


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One wrong input."""

    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class User:
    """A person or a service account; ``role`` is ``admin`` or ``user``."""

    id: str
    name: str
    role: str


@dataclass(frozen=True, kw_only=True)
class RateCard:
    """The price of the server's own machines, and who says so; ``as_of`` is when, where that is known."""

    currency: str
    core_hour_nanos: int
    gigabyte_hour_nanos: int
    source: str
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PriceUse:
    """What processes of a cluster were charged by. ``source`` is empty for processes that are older than its record.

    ``gpu`` is a model where it is the price of GPUs, ``gpu_hour_nanos`` what an hour of one costs.
    """

    source: str
    as_of: datetime | None = None
    core_hour_nanos: int
    gigabyte_hour_nanos: int
    processes: int
    cost_nanos: int
    gpu: str = ""
    gpu_hour_nanos: int = 0


@dataclass(frozen=True, kw_only=True)
class GPUCost:
    """What a cluster paid for GPUs of one ``model``, as a part of its bill.

    ``seconds`` is its part of the time of ``devices``: what several processes see is shared equally. ``idle_cost_nanos`` was for
    time in which nothing ran on them; what ``unpriced_seconds`` cost is not known.
    """

    model: str
    devices: int
    seconds: float
    unpriced_seconds: float
    cost_nanos: int
    idle_cost_nanos: int


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A group that a user is in; ``role`` is ``member`` or ``lead``, and one of a user's groups pays by default."""

    id: str
    path: str
    role: str
    pays: bool


@dataclass(frozen=True, kw_only=True)
class Me:
    """Who the caller is, and the server they talk to."""

    user: User
    version: str
    organisation: str
    time_zone: str
    rates: RateCard
    groups: tuple[Membership, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Token:
    """An API token. ``secret`` is set only in the answer that creates it, and never shown in the repr."""

    id: str
    name: str
    secret: str = field(default="", repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TokenList:
    """API tokens."""

    items: tuple[Token, ...]


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """What a user chose for a cluster. ``env`` may hold secrets and is not shown in the repr."""

    n_workers: int
    nthreads: int = 0
    memory_bytes: int = 0
    python: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """What a scheduler last said about itself."""

    at: datetime
    workers: int
    threads: int
    clients: int
    processing: int
    queued: int
    waiting: int
    no_worker: int
    in_memory: int
    erred: int
    managed_bytes: int
    spilled_bytes: int


@dataclass(frozen=True, kw_only=True)
class ClusterInfo:
    """A cluster as the server sees it: ``status``, ``target``, rate and cost up to now.

    ``watched`` is true for a cluster that Lineitem did not start; ``group`` is the path of the group that pays; ``method`` is ``sampled`` where it is looked at from outside.
    """

    id: str
    name: str
    owner: User
    backend: str
    options: ClusterOptions
    status: str
    target: str
    reason: str
    scheduler_address: str
    dashboard_url: str
    url: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    currency: str
    rate_nanos_per_hour: int
    cost_nanos: int
    n_workers_running: int
    watched: bool = False
    deployment: str = ""
    method: str = "agent"
    last_seen_at: datetime | None = None
    away: bool = False
    group: str = ""
    gauges: Gauges | None = None
    sources_wanted: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing of the cluster is left on any machine."""
        return self.status in ("stopped", "failed")


@dataclass(frozen=True, kw_only=True)
class ClusterList:
    """One page of clusters, newest first; ``next_cursor`` is empty on the last."""

    items: tuple[ClusterInfo, ...]
    next_cursor: str


@dataclass(frozen=True, kw_only=True)
class Process:
    """One run of a scheduler or worker."""

    id: str
    role: str
    name: str
    generation: int
    status: str
    target: str
    reason: str
    nthreads: int
    memory_bytes: int
    rate_nanos_per_hour: int
    cost_nanos: int
    handle: str
    exit_code: int | None = None
    price_source: str = ""
    price_as_of: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ProcessList:
    """The processes of a cluster: the scheduler, then workers by name and generation."""

    items: tuple[Process, ...]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a Dask client needs to connect to a cluster: the right to run code there. The key is not in the repr."""

    scheduler_address: str
    ca_pem: str = field(repr=False)
    certificate_pem: str = field(repr=False)
    key_pem: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a cluster."""

    id: int
    at: datetime
    kind: str
    message: str


@dataclass(frozen=True, kw_only=True)
class EventList:
    """Events, newest first."""

    items: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True)
class Logs:
    """The output of one process; ``truncated`` where it is only the end."""

    process_id: str
    name: str
    text: str
    truncated: bool


@dataclass(frozen=True, kw_only=True)
class LogsList:
    """The logs of a cluster's processes."""

    items: tuple[Logs, ...]


@dataclass(frozen=True, kw_only=True)
class TimelineRow:
    """What one process did: shares (0..1) of its thread-time by category, bin by bin."""

    process_id: str
    name: str
    started_at: datetime
    ended_at: datetime | None = None
    bins: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What the workers did over time, in bins of ``step_seconds``."""

    start: datetime
    end: datetime
    step_seconds: float
    rows: tuple[TimelineRow, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of user code; ``text`` is empty in lists."""

    file: str
    sha256: str
    text: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class SourceList:
    """Files of user code of a cluster, without their texts."""

    items: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class WatchAnswer:
    """What the agent of a watched cluster needs. The token, which writes telemetry of that cluster, is not in the repr."""

    cluster: ClusterInfo
    process: str
    agent_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One call that sent work to a cluster. What the client said of itself (``tags``, ``user`` to ``dirty``) is not verified."""

    id: int
    at: datetime
    client: str
    file: str
    line: int
    function: str
    text: str
    tasks: int
    levels: Mapping[str, int]
    span: tuple[str, ...]
    tags: Mapping[str, str]
    user: str
    host: str
    kind: str
    path: str
    commit: str
    dirty: bool
    cost_nanos: int
    thread_seconds: float

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class SubmissionList:
    """Submissions, newest first, with what they cost."""

    currency: str
    items: tuple[Submission, ...]


@dataclass(frozen=True, kw_only=True)
class Read:
    """Files that a cluster read or wrote (``direction``) from one line; ``bytes`` and columns are 0 where not known."""

    direction: str
    path: str
    format: str
    engine: str
    compression: str
    files: int
    tasks: int
    bytes: int
    columns: int
    columns_used: int
    pushed_down: bool
    origin_file: str
    origin_line: int
    origin_text: str
    cost_nanos: int
    thread_seconds: float

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class ReadList:
    """What a cluster read and wrote, dearest first."""

    currency: str
    items: tuple[Read, ...]


@dataclass(frozen=True, kw_only=True)
class ReceiptLine:
    """The dearest line of a receipt; ``share`` (0..1) is its share of ``work_nanos``."""

    file: str
    line: int
    text: str
    operation: str
    cost_nanos: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The cost of a cluster in ``[start, end)``, and of one client's work in it: what is said after a computation.

    Attributes
    ----------
    cost_nanos : int
        Cost of the whole cluster.
    work_nanos : int
        The part of it on lines that the client's submissions since ``start`` created.
    idle_share : float
        Share (0..1) of the workers' observed thread-time that was idle.
    complete : bool
        False while reports of that time are still missing.
    """

    currency: str
    start: datetime
    end: datetime
    cost_nanos: int
    work_nanos: int
    top: ReceiptLine | None = None
    idle_share: float
    complete: bool

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class GPU:
    """One device of a process over its life.

    ``utilisation`` is the time-weighted mean (0..1) of "a kernel ran", ``sm_activity`` that of busy multiprocessors where the
    driver tells it.
    """

    uuid: str
    index: int
    name: str
    observed_seconds: float
    idle_seconds: float
    utilisation: float
    sm_activity: float | None = None
    memory_peak_bytes: int
    memory_total_bytes: int
    energy_joules: float
    utilisation_bins: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class ResourceSeries:
    """What one process used: a value for each bin, None where nothing was reported."""

    process_id: str
    name: str
    memory_limit_bytes: int
    cpu_cores: tuple[float | None, ...]
    rss_bytes: tuple[float | None, ...]
    managed_bytes: tuple[float | None, ...]
    spilled_bytes: tuple[float | None, ...]
    transfer_bytes: tuple[float | None, ...]
    disk_bytes: tuple[float | None, ...]
    gpus: tuple[GPU, ...]


@dataclass(frozen=True, kw_only=True)
class ResourceList:
    """What the processes of a cluster used over time, in bins of ``step_seconds``."""

    start: datetime
    end: datetime
    step_seconds: float
    items: tuple[ResourceSeries, ...]


@dataclass(frozen=True, kw_only=True)
class EnvironmentPackage:
    """An installed distribution; ``manager`` is ``pip``, ``conda``, ``vcs`` or ``editable``."""

    name: str
    version: str
    manager: str


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One set of installed software; ``id`` is the hash of its content."""

    id: str
    python: str
    implementation: str
    platform: str
    details: Mapping[str, str]
    packages: tuple[EnvironmentPackage, ...]


@dataclass(frozen=True, kw_only=True)
class PackageUse:
    """One version of a package in one cluster; ``grade`` is ``installed``, ``imported`` or ``seen`` (found running).

    ``cost_nanos`` is what thread-time with the package's code on the stack cost, ``cluster_cost_nanos`` the whole cluster's.
    """

    name: str
    version: str
    grade: str
    cluster_id: str
    cluster_name: str
    owner: str
    where: tuple[str, ...]
    environment: str
    python: str
    last_at: datetime
    cost_nanos: int
    cluster_cost_nanos: int

    @property
    def cost(self) -> Decimal:
        """The cost in units of the currency, exactly."""
        return to_decimal(self.cost_nanos)


@dataclass(frozen=True, kw_only=True)
class PackageList:
    """Who has which package; ``skipped`` versions could not be compared with the asked range."""

    currency: str
    items: tuple[PackageUse, ...]
    skipped: int
