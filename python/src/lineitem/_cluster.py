"""A Dask cluster run by a Lineitem server."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from distributed.core import Status

from lineitem import _config, _routes
from lineitem._exceptions import ApiError, ConfigurationError
from lineitem._html import cluster_html
from lineitem._life import ClusterLife
from lineitem._logs import select_logs
from lineitem._scaling import LineitemAdaptive, choose, close_workers
from lineitem._view import ClusterView, cluster_line, cluster_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from distributed.deploy.adaptive import Adaptive
    from distributed.utils import Logs
    from tornado.ioloop import IOLoop
    from typing_extensions import Self

    from lineitem._bill import Bill

# How a bill waits for a cluster that is stopping: 20 s at most, most clusters take one or two.
_FLUSH_S = 10.0
_BILL_PAUSE = 0.1
_BILL_POLLS = 200


class Cluster(ClusterLife):
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
    group : str, optional
        The group that pays, by its path (``"/research/genomics"``) or name; else ``LINEITEM_GROUP`` of the environment, else the
        one that pays for you by default.
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
        group: str | None = None,
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
            group=_config.group(group),
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

    def bill(self) -> Any:
        """Return where the cluster's money went so far, line by line; also after it has ended.

        While it runs, all workers report first (a few seconds at most), so that the bill is up to date. While it stops, this
        waits until it has stopped (at most 20 s), so that the bill is whole.

        Returns
        -------
        Bill
            In an event loop, to be awaited.
        """
        self._check_known()
        if self.asynchronous:
            return self._bill()
        if self.status == Status.running:
            self.sync(self._flush, _FLUSH_S)
        with self._blocking() as api:
            self._learn(api.get_cluster(self.id))
            for _ in range(_BILL_POLLS):
                if not self._is_stopping:
                    break
                time.sleep(_BILL_PAUSE)
                self._learn(api.get_cluster(self.id))
            for file, text in self._sources_to_send().items():
                with suppress(ApiError):
                    api.put_source(self.id, file, text)
            return api.bill(self.id)

    @property
    def _is_stopping(self) -> bool:
        """Whether the last reports of the cluster are still on their way."""
        return self._info is not None and self._info.target == "stopped" and not self._info.ended

    async def _bill(self) -> Bill:
        await self._flush(_FLUSH_S)
        async with self._client() as api:
            # Cells that have come up since the last refresh: without their text the bill would show names only.
            self._learn(await api.get_cluster(self.id))
            for _ in range(_BILL_POLLS):
                if not self._is_stopping:
                    break
                await asyncio.sleep(_BILL_PAUSE)
                self._learn(await api.get_cluster(self.id))
            for file, text in self._sources_to_send().items():
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
        self._check_known()
        if self.asynchronous:
            return self._get_logs(cluster, scheduler, workers)
        with self._blocking() as api:
            happened = api.events(self.id).items if cluster else ()
            known = self.scheduler_info["workers"]
            return select_logs(api.logs(self.id), happened, scheduler=scheduler, workers=workers, known=known)

    async def _get_logs(
        self, cluster: bool = True, scheduler: bool = True, workers: bool | Iterable[str] = True
    ) -> Logs:
        async with self._client() as api:
            happened = (await api.events(self.id)).items if cluster else ()
            known = self.scheduler_info["workers"]
            return select_logs(await api.logs(self.id), happened, scheduler=scheduler, workers=workers, known=known)

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
        self._check_running()
        return self.sync(self._scale, _config.count("n", n, 0))

    async def _scale(self, n: int) -> None:
        async with self._scale_lock:
            self._learn_processes(await self._api.processes(self.id))
            surplus = len(self._wanted) - n
            going = await choose(self.scheduler_comm, surplus, self._wanted, self.observed) if surplus > 0 else []
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

    async def _let_go(self, going: list[str], n: int) -> None:
        """Tell the server the new number. Data moves first, so that a server that ends workers at once costs nothing."""
        workers = self.scheduler_info["workers"].items()
        up = [address for address, worker in workers if str(worker["name"]) in going]
        if up:
            await self.scheduler_comm.retire_workers(workers=up, remove=False, close_workers=False)
        try:
            self._learn(await self._api.scale_cluster(self.id, n, remove=going))
        finally:
            # Also if the server said no: workers without work would cost money for nothing, and it starts others in their place.
            if up:
                await close_workers(self.scheduler_comm, up)
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
        self._check_running()
        minimum, maximum = kwargs.get("minimum"), kwargs.get("maximum")
        if minimum is not None and maximum is not None and minimum > maximum:
            raise ConfigurationError(f"minimum={minimum} is more than maximum={maximum}; nothing was changed.")
        return super().adapt(Adaptive, **kwargs)

    def wait_for_workers(self, n_workers: int, timeout: float | None = None) -> Any:
        """Wait until so many workers are up; if the cluster ends meanwhile, say so.

        Parameters
        ----------
        n_workers : int
            Workers to wait for.
        timeout : float, optional
            Seconds after which to raise ``TimeoutError``.
        """
        self._check_running()
        return super().wait_for_workers(n_workers, timeout=timeout)

    async def _wait_for_workers(self, n_workers: int = 0, timeout: float | None = None) -> None:
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
            status="stopping" if info.target == "stopped" and not info.ended else info.status,
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

    def _line(self) -> str:
        view = self._view()
        return cluster_line(view) if view else f"Asking {self.server} for a cluster"

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

        shell: Any = get_ipython()
        in_kernel = getattr(shell, "kernel", None) is not None
        if in_kernel and self._display is not None and self._cell == shell.execution_count:
            # The line that stands here since the start becomes the widget: one cell, one output.
            self._cell = 0
            self._show()
            return
        self._cell = 0
        # The display id lets a later refresh replace this output in place. A terminal would print it again.
        self._display = display(self._bundle(), raw=True, display_id=True) if in_kernel else None
        if not in_kernel:
            display(self._bundle(), raw=True)


def _checked_env(env: Mapping[str, str] | None) -> Mapping[str, str]:
    if env is None:
        return {}
    given: Any = env  # whatever the caller really passed
    if not isinstance(given, Mapping) or not all(isinstance(part, str) for item in given.items() for part in item):
        raise ConfigurationError(
            "env must map names to texts, as in env={'OMP_NUM_THREADS': '1'}; nothing was started."
        )
    return env
