"""A Dask cluster run by a Lineitem server."""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.parse import urljoin

import dask.config
from distributed.core import Status, rpc
from distributed.deploy.adaptive import Adaptive
from distributed.deploy.cluster import Cluster as DaskCluster
from distributed.security import Security
from distributed.utils import Log, Logs, NoOpAwaitable

from lineitem import _config, _routes
from lineitem._client import AsyncLineitem, Lineitem
from lineitem._exceptions import (
    ApiError,
    ClusterError,
    ClusterFailed,
    ClusterStartTimeout,
    ConfigurationError,
    Conflict,
    LineitemError,
    ServerUnreachable,
    Unavailable,
)
from lineitem._html import cluster_html
from lineitem._sources import cell_texts
from lineitem._view import ClusterView, cluster_text

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable

    from tornado.ioloop import IOLoop
    from typing_extensions import Self

    from lineitem._bill import Bill
    from lineitem._models import ClusterInfo, Credentials, LogsList, ProcessList
    from lineitem._routes import Call

logger = logging.getLogger("lineitem")

_FIRST_POLL = 0.05
_LONGEST_POLL = 0.5
# A server that is being restarted while a cluster comes up is waited for; one that is gone is not.
_PATIENCE = 20.0
_LOG_TAIL = 4096
_NFRAMES = "distributed.diagnostics.computations.nframes"


class LineitemAdaptive(Adaptive):
    """Dask's adaptive scaling, with the order of things that a server needs which replaces workers that go unasked.

    Dask's own closes the workers and then tells the cluster; here the cluster moves the data, tells the server, and then closes them.
    """

    async def scale_up(self, n: int) -> None:  # type: ignore[override]
        """Bring the number of workers up to n."""
        await self.cluster._scale(n)  # type: ignore[attr-defined]

    async def scale_down(self, workers: Collection[str]) -> None:  # type: ignore[override]
        """Let workers go, by name."""
        if workers:
            await self.cluster.scale_down(workers)  # type: ignore[attr-defined]


class Cluster(DaskCluster):
    """A Dask cluster that a Lineitem server starts, watches and bills.

    It is a Dask cluster like any other: give it to ``Client``, scale it, use it in ``with`` or ``async with``.

    Parameters
    ----------
    n_workers : int, optional
        Workers to start; else ``lineitem.cluster.n-workers`` of Dask's configuration (2).
    nthreads : int, optional
        Task slots of each worker.
    memory_limit : str or int, optional
        Memory of each worker, ``"4 GiB"`` or bytes.
    name : str, optional
        Name shown to people; else one is made up.
    env : mapping of str to str, optional
        Added to the environment of scheduler and workers.
    python : str, optional
        Interpreter of scheduler and workers. Where the server runs on this machine it is the interpreter that runs this,
        so that the packages are the same; ``""`` means the server's.
    backend : str, optional
        What runs the processes; else the server's default.
    server, token : str, optional
        As for :class:`lineitem.Lineitem`.
    shutdown_on_close : bool
        Whether ``close``, the end of ``with`` or the end of this process stops the cluster.
    asynchronous : bool
        Whether it is used inside an event loop, with ``await``.
    loop : tornado.ioloop.IOLoop, optional
        Event loop to use.
    start_timeout : float, optional
        Seconds until the scheduler has to be up; else ``lineitem.cluster.start-timeout``.

    Raises
    ------
    ClusterFailed
        If the cluster ended while it started; the message has the reason and the end of the logs.
    ClusterStartTimeout
        If the scheduler did not come up in time. As after any error and after Ctrl-C, the cluster is stopped.

    Notes
    -----
    Making a cluster sets Dask's ``distributed.diagnostics.computations.nframes`` for this process, unless you have set it: only
    then does a Dask client say which line asked for the work. ``lineitem.submission-frames: 0`` leaves it alone.

    Examples
    --------
    >>> with Cluster(n_workers=4) as cluster, cluster.get_client():  # doctest: +SKIP
    ...     frame.groupby("origin").delay.mean().compute()
    ...     print(cluster.bill())
    """

    _instances: ClassVar[weakref.WeakSet[Cluster]] = weakref.WeakSet()

    security: Security
    scheduler_comm: Any

    def __init__(
        self,
        n_workers: int | None = None,
        *,
        nthreads: int | None = None,
        memory_limit: str | int | None = None,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        python: str | None = None,
        backend: str | None = None,
        server: str | None = None,
        token: str | None = None,
        shutdown_on_close: bool = True,
        asynchronous: bool = False,
        loop: IOLoop | None = None,
        start_timeout: float | None = None,
    ) -> None:
        target = _config.resolve(server, token)
        setting = _config.cluster_setting
        backend = setting("backend", backend) or ""
        if python is None:
            python = sys.executable if target.loopback and backend in ("", "local") else ""
        threads = setting("nthreads", nthreads)
        call = _routes.create_cluster(
            _config.count("n_workers", setting("n-workers", n_workers), 0),
            nthreads=0 if threads is None else _config.count("nthreads", threads, 1),
            memory_bytes=_config.memory_bytes(setting("memory-limit", memory_limit)),
            python=python,
            env=_checked_env(env),
            name=name or "",
            backend=backend,
        )
        self._begin(
            call,
            target,
            shutdown_on_close=shutdown_on_close,
            asynchronous=asynchronous,
            loop=loop,
            start_timeout=start_timeout,
        )

    @classmethod
    def attach(
        cls,
        name_or_id: str,
        *,
        server: str | None = None,
        token: str | None = None,
        shutdown_on_close: bool = False,
        asynchronous: bool = False,
        loop: IOLoop | None = None,
        start_timeout: float | None = None,
    ) -> Self:
        """Connect to a cluster that exists, for example one made in another notebook.

        Parameters
        ----------
        name_or_id : str
            Id of the cluster, or the name of one of yours that is live.
        server, token, shutdown_on_close, asynchronous, loop, start_timeout
            As for the class; but a cluster that was attached to goes on after ``close``, unless told otherwise.

        Returns
        -------
        Cluster
            With ``asynchronous=True``, to be awaited first.
        """
        self = cls.__new__(cls)
        target = _config.resolve(server, token)
        call = _routes.get_cluster(name_or_id)
        self._begin(
            call,
            target,
            shutdown_on_close=shutdown_on_close,
            asynchronous=asynchronous,
            loop=loop,
            start_timeout=start_timeout,
        )
        return self

    def _begin(
        self,
        call: Call[ClusterInfo],
        target: _config.Target,
        *,
        shutdown_on_close: bool,
        asynchronous: bool,
        loop: IOLoop | None,
        start_timeout: float | None,
    ) -> None:
        """Do what both ways to a cluster share: with a creating call or a looking one."""
        self._target = target
        self._opening_call = call
        self._start_timeout = start_timeout if start_timeout is not None else _config.seconds("cluster.start-timeout")
        self._interval = _config.seconds("cluster.refresh-interval")
        self.shutdown_on_close = shutdown_on_close
        self._api = AsyncLineitem(target.server, _revealed(target))
        self._opening: asyncio.Future[ClusterInfo] | None = None
        self._start_task: asyncio.Task[Any] | None = None
        self._refresh_task: asyncio.Task[None] | None = None
        self._info: ClusterInfo | None = None
        self._info_at = datetime.now(timezone.utc)
        self._wanted: frozenset[str] = frozenset()
        self._sources_sent: set[str] = set()
        self._display: Any = None
        self._life_lock = asyncio.Lock()
        self._scale_lock = asyncio.Lock()
        self._ended = asyncio.Event()
        self._stopped = False
        self.security = Security(require_encryption=True)
        super().__init__(asynchronous=asynchronous, loop=loop, quiet=True)
        self._instances.add(self)
        _send_submission_lines()
        if not self.called_from_running_loop:
            self._loop_runner.start()
            try:
                self.sync(self._start)
            except BaseException:
                # Ctrl-C comes out of sync() while the start goes on in the loop's thread; closing ends it.
                with suppress(Exception):
                    self.sync(self._close, callback_timeout=15)
                self._loop_runner.stop()
                raise

    # Life

    def __await__(self) -> Generator[Any, Any, Self]:
        async def started() -> Self:
            await self._start()
            return self

        return started().__await__()

    async def _start(self) -> None:
        async with self._life_lock:
            if self.status == Status.running:
                return
            if self.status != Status.created:
                raise ClusterError(
                    f"Cluster {self.name} is closed; make a new one or attach to one.", cluster_id=self.id
                )
            self.status = Status.starting
            self._start_task = asyncio.current_task()
            try:
                await self._bring_up()
            except BaseException:
                await self._tear_down()
                raise
            finally:
                self._start_task = None
        self._refresh_task = asyncio.create_task(self._keep_fresh())

    async def _bring_up(self) -> None:
        # Shielded: once the request is on its way a cluster may come of it, and its id is needed to stop it.
        self._opening = asyncio.ensure_future(self._api.send(self._opening_call))
        self._learn(await asyncio.shield(self._opening))
        credentials = await self._wait_for_scheduler()
        self.security = Security(
            require_encryption=True,
            tls_ca_file=credentials.ca_pem,
            tls_client_cert=credentials.certificate_pem,
            tls_client_key=credentials.key_pem,
        )
        connection = self.security.get_connection_args("client")
        self.scheduler_comm = rpc(credentials.scheduler_address, connection_args=connection)
        try:
            await super()._start()
        except OSError as error:
            raise ClusterError(
                f"Cluster {self.name} is up, but its scheduler at {credentials.scheduler_address} cannot be reached from here "
                f"({error}).",
                cluster_id=self.id,
            ) from error
        self._learn_processes(await self._api.processes(self.id))

    async def _wait_for_scheduler(self) -> Credentials:
        """Poll until the scheduler can be connected to; workers may come later."""
        begin = last_answer = time.monotonic()
        pause = _FIRST_POLL
        while True:
            try:
                info = await self._api.get_cluster(self.id)
                self._learn(info)
                last_answer = time.monotonic()
                if info.ended or info.target == "stopped":
                    raise ClusterFailed(
                        f"Cluster {info.name} did not start: {(info.reason or info.status).rstrip('.')}.",
                        cluster_id=info.id,
                        reason=info.reason,
                        logs=await self._log_tail(),
                    )
                if info.scheduler_address:
                    return await self._api.credentials(self.id)
            except Conflict:
                logger.debug("The scheduler of %s went away again while it was connected to", self.id)
            except (ServerUnreachable, Unavailable):
                if time.monotonic() - last_answer > _PATIENCE:
                    raise
            if time.monotonic() - begin > self._start_timeout:
                raise ClusterStartTimeout(
                    f"The scheduler of cluster {self.name} was not up after {self._start_timeout:g} s. "
                    f"Raise lineitem.cluster.start-timeout if that is too short.",
                    cluster_id=self.id,
                    logs=await self._log_tail(),
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_POLL)

    async def _log_tail(self) -> str:
        try:
            logs = await self._api.logs(self.id, tail_bytes=_LOG_TAIL)
        except LineitemError:
            return ""
        return "\n".join(f"[{log.name}]\n{log.text.rstrip()}" for log in logs.items[:4] if log.text.strip())

    def close(self, timeout: float | None = None) -> Any:
        """Close the connection, and stop the cluster if it is to be stopped (``shutdown_on_close``).

        Closing twice is fine. If the server could not be told to stop the cluster this raises, and closing again
        tries again.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.
        """
        if self.status == Status.closed and not self._owes_stop:
            return NoOpAwaitable() if self.asynchronous else None
        if self.asynchronous:
            return self.sync(self._close, callback_timeout=timeout)
        if self.status == Status.closed:
            return self._stop_without_loop()
        try:
            self.sync(self._close, callback_timeout=timeout)
        except RuntimeError:  # the loop is gone: the process is ending
            self._stop_without_loop()
        finally:
            self._loop_runner.stop()
        return None

    async def _close(self) -> None:
        if self._start_task is not None and self._start_task is not asyncio.current_task():
            self._start_task.cancel()
        async with self._life_lock:
            await self._tear_down()

    async def _tear_down(self) -> None:
        """End all that runs here, then raise if the server could not be told."""
        problem: LineitemError | None = None
        if self._refresh_task is not None and self._refresh_task is not asyncio.current_task():
            self._refresh_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresh_task
        if self._opening is not None and self._info is None:
            with suppress(LineitemError, asyncio.TimeoutError):
                self._learn(await asyncio.wait_for(self._opening, 10))
        if self._owes_stop:
            starting = self.status == Status.starting
            try:
                if not starting:
                    await self._send_sources()
                self._learn(await self._api.stop_cluster(self.id))
                self._stopped = True
            except LineitemError as error:
                problem = error
                logger.warning("Cluster %s could not be stopped and may still cost money: %s", self.name, error)
                if starting:
                    problem = None  # what kept it from starting is the error to see
        with suppress(OSError):
            await super()._close()
        await self._api.close()
        self._show()
        self._ended.set()
        if problem is not None:
            raise problem

    @property
    def _owes_stop(self) -> bool:
        """Whether the server has still to be told to stop the cluster."""
        known = self._info is not None
        return self.shutdown_on_close and known and not self._stopped

    def _stop_without_loop(self) -> None:
        """Stop the cluster from a thread of its own making: at the end of the process the event loop may be gone."""
        if self._owes_stop:
            with self._blocking() as api:
                self._info = api.stop_cluster(self.id)
            self._stopped = True
        self.status = Status.closed

    def __del__(self, *args: Any) -> None:
        if hasattr(self, "_info"):  # else refused before it began: nothing to warn about
            super().__del__(*args)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A lineitem.Cluster holds keys and is not pickled; nothing was sent. Inside a task use distributed.get_client(), "
            "elsewhere Cluster.attach(name)."
        )

    # What the server knows

    @property
    def id(self) -> str:
        """Id of the cluster at the server; empty before it has one."""
        return self._info.id if self._info is not None else ""

    @property
    def server(self) -> str:
        """URL of the server."""
        return self._target.server

    @property
    def info(self) -> ClusterInfo | None:
        """What the server last said about the cluster, a few seconds old at most while it runs."""
        return self._info

    @property
    def dashboard_link(self) -> str:
        """URL of Dask's own dashboard; empty where there is none."""
        return self._info.dashboard_url if self._info is not None else ""

    def _learn(self, info: ClusterInfo) -> None:
        self._info, self._info_at = info, datetime.now(timezone.utc)
        self.name = info.name

    def _learn_processes(self, processes: ProcessList) -> None:
        self._wanted = frozenset(
            p.name
            for p in processes.items
            if p.role == "worker" and p.target == "running" and p.status not in ("stopped", "failed")
        )

    async def _keep_fresh(self) -> None:
        """Fetch state and cost now and then, send sources that the server asks for, and notice the end."""
        while self.status == Status.running:
            await asyncio.sleep(self._interval)
            try:
                await self._refresh()
            except LineitemError as error:
                logger.debug("The state of cluster %s is not known at the moment: %s", self.name, error)
            except Exception:
                logger.warning("Refreshing cluster %s failed; its figures may be old", self.name, exc_info=True)
            if self._info is not None and self._info.ended:
                break
        else:
            return
        logger.warning("Cluster %s has ended: %s", self.name, self._info.reason or self._info.status)
        self._stopped = True
        async with self._life_lock:
            await self._tear_down()

    async def _refresh(self) -> None:
        info, processes = await asyncio.gather(self._api.get_cluster(self.id), self._api.processes(self.id))
        self._learn(info)
        self._learn_processes(processes)
        await self._send_sources()
        self._show()

    async def _send_sources(self) -> None:
        """Send the text of notebook cells that the server asks for. Never in the way of anything."""
        for file, text in self._sources_to_send().items():
            self._sources_sent.add(file)
            with suppress(LineitemError):
                await self._api.put_source(self.id, file, text)

    def _sources_to_send(self) -> dict[str, str]:
        if self._info is None or not dask.config.get("lineitem.source-text", True):
            return {}
        return cell_texts(set(self._info.sources_wanted) - self._sources_sent)

    def _blocking(self) -> Lineitem:
        return Lineitem(self._target.server, _revealed(self._target))

    def bill(self) -> Any:
        """Return where the cluster's money went so far, line by line; also after it has ended.

        Returns
        -------
        Bill
            In an event loop, to be awaited.
        """
        if self.asynchronous:
            return self._bill()
        with self._blocking() as api:
            # Cells that have come up since the last refresh: without their text the bill would show names only.
            self._learn(api.get_cluster(self.id))
            for file, text in self._sources_to_send().items():
                self._sources_sent.add(file)
                with suppress(ApiError):
                    api.put_source(self.id, file, text)
            return api.bill(self.id)

    async def _bill(self) -> Bill:
        async with AsyncLineitem(self._target.server, _revealed(self._target)) as api:
            self._learn(await api.get_cluster(self.id))
            for file, text in self._sources_to_send().items():
                self._sources_sent.add(file)
                with suppress(ApiError):
                    await api.put_source(self.id, file, text)
            return await api.bill(self.id)

    def get_logs(self, cluster: bool = True, scheduler: bool = True, workers: bool | Iterable[str] = True) -> Any:
        """Return the output of scheduler and workers, as the server has kept it; also after the cluster has ended.

        Parameters
        ----------
        cluster : bool
            Whether to include what happened to the cluster.
        scheduler : bool
            Whether to include the scheduler.
        workers : bool or iterable of str
            All workers, none, or these, by name or Dask address.

        Returns
        -------
        Logs
            Text by process name. In an event loop, to be awaited.
        """
        if self.asynchronous:
            return self._get_logs(cluster, scheduler, workers)
        with self._blocking() as api:
            happened = api.events(self.id).items if cluster else ()
            return self._select_logs(api.logs(self.id), happened, scheduler, workers)

    async def _get_logs(
        self, cluster: bool = True, scheduler: bool = True, workers: bool | Iterable[str] = True
    ) -> Logs:
        async with AsyncLineitem(self._target.server, _revealed(self._target)) as api:
            happened = (await api.events(self.id)).items if cluster else ()
            return self._select_logs(await api.logs(self.id), happened, scheduler, workers)

    def _select_logs(
        self, logs: LogsList, happened: Iterable[Any], scheduler: bool, workers: bool | Iterable[str]
    ) -> Logs:
        chosen = Logs()
        lines = [f"{event.at:%Y-%m-%d %H:%M:%S} {event.message}" for event in reversed(list(happened))]
        if lines:
            chosen["Cluster"] = Log("\n".join(lines))
        some: set[str] | None = None
        if not isinstance(workers, bool):
            known = self.scheduler_info["workers"]
            some = {str(known[w]["name"]) if w in known else w for w in workers}
        for log in logs.items:
            wanted = bool(workers) if some is None else log.name in some
            if log.name == "scheduler":
                wanted = scheduler
            if wanted:
                # A worker that was replaced has one log for each of its lives.
                before = f"{chosen[log.name]}\n" if log.name in chosen else ""
                chosen[log.name] = Log(before + log.text)
        return chosen

    # Scaling

    @property
    def plan(self) -> set[str]:
        """Names of the workers that should be there."""
        return set(self._wanted)

    @property
    def requested(self) -> set[str]:
        """Names of the workers that the server has been asked for: the plan, as the server keeps it."""
        return set(self._wanted)

    @property
    def observed(self) -> set[str]:
        """Names of the workers that the scheduler has."""
        return {str(worker["name"]) for worker in self.scheduler_info["workers"].values()}

    def scale(self, n: int) -> Any:
        """Set the number of workers.

        When the number shrinks, workers hand over their results before they go. Returns once the server has agreed, which
        is before new workers are up: see ``wait_for_workers``.

        Parameters
        ----------
        n : int
            Workers wanted.
        """
        n = _config.count("n", n, 0)
        return self.sync(self._scale, n)

    async def _scale(self, n: int) -> None:
        self._check_running()
        async with self._scale_lock:
            self._learn_processes(await self._api.processes(self.id))
            surplus = len(self._wanted) - n
            going = await self._choose(surplus) if surplus > 0 else []
            await self._let_go(going, n)

    async def scale_down(self, workers: Collection[str]) -> None:
        """Let these workers go, by name; what they hold moves to others first.

        Parameters
        ----------
        workers : collection of str
            Names, as in ``observed``.
        """
        self._check_running()
        async with self._scale_lock:
            self._learn_processes(await self._api.processes(self.id))
            going = [name for name in map(str, workers) if name in self._wanted]
            if going:
                await self._let_go(going, len(self._wanted) - len(going))

    async def _choose(self, surplus: int) -> list[str]:
        """Choose workers to go: those that are not up yet, then those that Dask misses least."""
        going = sorted(self._wanted - self.observed, reverse=True)[:surplus]
        left = surplus - len(going)
        if left:
            idle = await self.scheduler_comm.workers_to_close(n=left, attribute="name")
            going += [name for name in map(str, idle) if name in self._wanted and name not in going][:left]
        # Dask names none that run long tasks; but so many are to go.
        going += sorted(self._wanted - set(going), reverse=True)[: surplus - len(going)]
        return going

    async def _let_go(self, going: list[str], n: int) -> None:
        """Tell the server the new number. Data moves first, so that a server that ends workers at once costs nothing."""
        up = [name for name in going if name in self.observed]
        if up:
            await self.scheduler_comm.retire_workers(names=up, remove=False, close_workers=False)
        try:
            self._learn(await self._api.scale_cluster(self.id, n, remove=going))
        finally:
            # Also if the server said no: workers without work would cost money for nothing, and it starts others in their place.
            if up:
                with suppress(OSError):
                    await self.scheduler_comm.retire_workers(names=up, remove=True, close_workers=True)
        self._learn_processes(await self._api.processes(self.id))
        self._show()

    def adapt(self, Adaptive: type[Adaptive] = LineitemAdaptive, **kwargs: Any) -> Adaptive:  # noqa: N803 -- Dask's name
        """Scale by load from now on, between ``minimum`` and ``maximum`` workers.

        Parameters
        ----------
        Adaptive : type
            Class that decides.
        **kwargs
            ``minimum``, ``maximum``, ``interval``, ``wait_count``, ``target_duration``, as in
            :class:`distributed.deploy.Adaptive`.
        """
        minimum, maximum = kwargs.get("minimum"), kwargs.get("maximum")
        if minimum is not None and maximum is not None and minimum > maximum:
            raise ConfigurationError(f"minimum={minimum} is more than maximum={maximum}; nothing was changed.")
        return super().adapt(Adaptive, **kwargs)

    async def _wait_for_workers(self, n_workers: int = 0, timeout: float | None = None) -> None:
        self._check_running()
        waiting = asyncio.ensure_future(super()._wait_for_workers(n_workers, timeout=timeout))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
            else:
                self._check_running()
        finally:
            waiting.cancel()
            ended.cancel()

    def _check_running(self) -> None:
        if self._info is not None and self._info.ended:
            raise ClusterFailed(
                f"Cluster {self.name} has ended: {(self._info.reason or self._info.status).rstrip('.')}. Make a new one.",
                cluster_id=self.id,
                reason=self._info.reason,
            )
        if self.status != Status.running:
            raise ClusterError(
                f"Cluster {self.name} is not running; make a new one or attach to one.", cluster_id=self.id
            )

    # Looks

    def _view(self) -> ClusterView | None:
        info = self._info
        if info is None:
            return None
        adaptive = ""
        if self._adaptive is not None and self._adaptive.periodic_callback is not None:
            adaptive = f"adaptive {self._adaptive.minimum} to {self._adaptive.maximum}"
        live = self.status == Status.running
        return ClusterView(
            name=info.name,
            status=info.status,
            reason=info.reason,
            backend=info.backend,
            currency=info.currency,
            rate_nanos_per_hour=info.rate_nanos_per_hour,
            cost_nanos=info.cost_nanos,
            workers_up=len(self.observed) if live else info.n_workers_running,
            workers_wanted=info.options.n_workers,
            nthreads=info.options.nthreads,
            memory_bytes=info.options.memory_bytes,
            adaptive=adaptive,
            url=urljoin(self.server + "/", info.url),
            dashboard_link=info.dashboard_url,
            at=self._info_at,
        )

    def __repr__(self) -> str:
        view = self._view()
        return cluster_text(view) if view else f"Cluster not started, at {self.server}"

    def _repr_html_(self, cluster_status: Any = None) -> str:
        view = self._view()
        return cluster_html(view) if view else f"<p>Cluster not started, at {self.server}</p>"

    def _widget(self) -> None:
        """Return no ipywidget: the HTML is the widget, and outlives the kernel."""

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the widget; in a notebook it follows the cluster as long as the kernel lives."""
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        in_kernel = getattr(get_ipython(), "kernel", None) is not None
        # The display id lets a later refresh replace this output in place. A terminal would print it again.
        self._display = display(self._bundle(), raw=True, display_id=True) if in_kernel else None
        if not in_kernel:
            display(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _show(self) -> None:
        """Bring the widget up to date, if there is one."""
        if self._display is not None:
            # A notebook that went away, or a front end that has its own mind: the widget stays as it was.
            with suppress(Exception):
                self._display.update(self._bundle(), raw=True)


def _revealed(target: _config.Target) -> str | None:
    return target.token.reveal() if target.token is not None else None


def _checked_env(env: Mapping[str, str] | None) -> Mapping[str, str]:
    if env is None:
        return {}
    given: Any = env  # whatever the caller really passed
    if not isinstance(given, Mapping) or not all(isinstance(part, str) for item in given.items() for part in item):
        raise ConfigurationError("env must map names to texts, as in env={'OMP_NUM_THREADS': '1'}; nothing was started.")
    return env


def _send_submission_lines() -> None:
    """Let Dask clients of this process say which lines ask for work, unless the user has decided about it.

    It stays so after the cluster has ended: a client may go on with another one, and nothing else reads it.
    """
    frames = dask.config.get("lineitem.submission-frames", 0)
    if frames and not dask.config.get(_NFRAMES, 0):
        dask.config.set({_NFRAMES: frames})


@atexit.register
def _close_all() -> None:
    """Stop what nobody has closed, without an event loop: the loop's helper threads may be gone by now."""
    for cluster in list(Cluster._instances):
        if cluster.status == Status.closed and not cluster._owes_stop:
            continue
        try:
            cluster._stop_without_loop()
        except LineitemError as error:
            logger.warning("Cluster %s could not be stopped and may still cost money: %s", cluster.name, error)
            cluster.status = Status.closed
