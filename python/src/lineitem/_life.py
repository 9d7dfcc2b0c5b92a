"""The life of a cluster on the client's side: asked for, connected to, watched, closed, also at the end of the process."""

from __future__ import annotations

import asyncio
import atexit
import logging
import weakref
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.parse import urljoin

import dask.config
from distributed.core import Status, rpc
from distributed.deploy.cluster import Cluster as DaskCluster
from distributed.security import Security
from distributed.utils import NoOpAwaitable

from lineitem import _config, origins
from lineitem._async_client import AsyncLineitem
from lineitem._cells import shell_now
from lineitem._client import Lineitem
from lineitem._exceptions import ClusterError, ClusterFailed, LineitemError
from lineitem._html import line_html
from lineitem._receipt import FLUSH_S, PATIENCE_S, flush, in_script, print_line
from lineitem._sources import cell_texts
from lineitem._starting import send_submission_lines, wait_for_scheduler, why_ended

if TYPE_CHECKING:
    from collections.abc import Generator

    from tornado.ioloop import IOLoop
    from typing_extensions import Self

    from lineitem._models import ClusterInfo, ProcessList
    from lineitem._routes import Call

logger = logging.getLogger("lineitem")


class ClusterLife(DaskCluster):
    """What a :class:`lineitem.Cluster` does from its first request to its last; nothing for users here.

    One background task fetches state and cost, sends sources that the server asks for, and notices the end. All that
    touches the network runs in the event loop, except what must work without one: the end of the process, and
    questions after the end.
    """

    _instances: ClassVar[weakref.WeakSet[ClusterLife]] = weakref.WeakSet()

    security: Security
    scheduler_comm: Any
    _adaptive: Any

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
        self._api = self._client()
        self._opening: asyncio.Future[ClusterInfo] | None = None
        self._start_task: asyncio.Task[Any] | None = None
        self._refresh_task: asyncio.Task[None] | None = None
        self._info: ClusterInfo | None = None
        self._info_at = datetime.now(timezone.utc)
        self._wanted: frozenset[str] = frozenset()
        self._sources_sent: set[str] = set()
        self._display: Any = None
        self._cell = 0
        self._life_lock = asyncio.Lock()
        self._scale_lock = asyncio.Lock()
        self._ended = asyncio.Event()
        self._stopped = False
        self._begun_at = datetime.now(timezone.utc)
        self._said = False
        self.security = Security(require_encryption=True)
        super().__init__(asynchronous=asynchronous, loop=loop, quiet=True)
        self._instances.add(self)
        self._announce()
        send_submission_lines()
        origins.prepare()
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
                self._start_task = None  # what cleans up is not to be cancelled
                await self._tear_down()
                raise
            self._start_task = None
        self._refresh_task = asyncio.create_task(self._keep_fresh())

    async def _bring_up(self) -> None:
        # Shielded: once the request is on its way a cluster may come of it, and its id is needed to stop it.
        self._opening = asyncio.ensure_future(self._api.send(self._opening_call))
        info = await asyncio.shield(self._opening)
        self._learn(info)
        credentials = await wait_for_scheduler(self._api, info, self._start_timeout, self._learn_and_show)
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
        if self._start_task is not None:
            self._start_task.cancel()
        async with self._life_lock:
            await self._tear_down()

    async def _tear_down(self) -> None:
        """End all that runs here, then raise if the server could not be told."""
        problem: LineitemError | None = None
        before = self.status
        if before != Status.closed:
            self.status = Status.closing
        if self._adaptive is not None:
            self._adaptive.stop()
        if self._refresh_task is not None and self._refresh_task is not asyncio.current_task():
            self._refresh_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresh_task
        if self._opening is not None and self._info is None:
            with suppress(LineitemError, asyncio.TimeoutError):
                self._learn(await asyncio.wait_for(asyncio.shield(self._opening), 10))
        if before == Status.running:
            await self._say_cost()
        if self._owes_stop:
            try:
                if before == Status.running:
                    await self._send_sources()
                async with self._client() as api:
                    self._learn(await api.stop_cluster(self.id))
                self._stopped = True
            except LineitemError as error:
                logger.warning("Cluster %s could not be stopped and may still cost money: %s", self.name, error)
                # What kept a cluster from starting is the error to see, not this one.
                problem = error if before != Status.starting else None
        with suppress(OSError):
            await super()._close()
        await self._api.close()
        self._show()
        self._ended.set()
        if problem is not None:
            raise problem

    async def _flush(self, timeout: float) -> None:
        """Let the workers report now: a bill or a receipt is then up to date."""
        if self.status in (Status.running, Status.closing):
            await flush(self.scheduler_comm, timeout)

    async def _say_cost(self) -> None:
        """Say on stderr what the cluster cost while it was used here, if this is a script. Never in the way of closing."""
        if not in_script() or self._said:
            return
        self._said = True
        since, seconds = self._since()
        with suppress(Exception):
            await self._flush(FLUSH_S)
            receipt = await asyncio.wait_for(self._api.receipt(self.id, since=since), PATIENCE_S - FLUSH_S)
            print_line(receipt, seconds, self._page)

    def _since(self) -> tuple[datetime, float]:
        """Return since when the cluster was used here, and how many seconds that is ago."""
        return self._begun_at, (datetime.now(timezone.utc) - self._begun_at).total_seconds()

    @property
    def _page(self) -> str:
        return urljoin(self.server + "/", self._info.url) if self._info is not None else self.server

    @property
    def _owes_stop(self) -> bool:
        """Whether the server has still to be told to stop the cluster."""
        return self.shutdown_on_close and self._info is not None and not (self._stopped or self._info.ended)

    def _stop_without_loop(self) -> None:
        """Stop the cluster from a thread of its own making: at the end of the process the event loop may be gone."""
        if self._owes_stop:
            if in_script() and not self._said:
                with suppress(Exception):  # without a loop there is no line
                    self.sync(self._say_cost, callback_timeout=PATIENCE_S)
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

    def _client(self) -> AsyncLineitem:
        return AsyncLineitem(self._target.server, _revealed(self._target))

    def _blocking(self) -> Lineitem:
        return Lineitem(self._target.server, _revealed(self._target))

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
        logger.warning("Cluster %s has ended: %s", self.name, why_ended(self._info))
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
            with suppress(LineitemError):
                await self._api.put_source(self.id, file, text)

    def _sources_to_send(self) -> dict[str, str]:
        """Return what the server asks for and this process has, each text once: one that was refused would be again."""
        if self._info is None or not dask.config.get("lineitem.source-text", True):
            return {}
        texts = cell_texts(set(self._info.sources_wanted) - self._sources_sent)
        self._sources_sent.update(texts)
        return texts

    def _check_known(self) -> None:
        if self._info is None:
            raise ClusterError("The cluster has not been started: await it, or use it in `async with`.", cluster_id="")

    def _check_running(self) -> None:
        if self._info is not None and self._info.ended:
            raise ClusterFailed(
                f"Cluster {self.name} has ended: {why_ended(self._info)}. Make a new one.",
                cluster_id=self.id,
                reason=self._info.reason,
            )
        if self.status != Status.running:
            raise ClusterError(
                f"Cluster {self.name} is not running; make a new one or attach to one.", cluster_id=self.id
            )

    # Looks

    def _announce(self) -> None:
        """Show one line in a notebook while the cluster starts; the widget takes its place if this cell displays the cluster."""
        shell = shell_now()
        if getattr(shell, "kernel", None) is None:
            return
        with suppress(Exception):
            from IPython.display import display

            self._cell = shell.execution_count
            self._display = display(self._bundle(), raw=True, display_id=True)

    def _learn_and_show(self, info: ClusterInfo) -> None:
        before = self._info
        self._learn(info)
        if before is None or (before.status, before.n_workers_running) != (info.status, info.n_workers_running):
            self._show()

    def _line(self) -> str:
        """Return what is shown of the cluster where nobody asked for the widget."""
        raise NotImplementedError

    def _bundle(self) -> dict[str, str]:
        if self._cell:
            line = self._line()
            return {"text/plain": line, "text/html": line_html(line)}
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _show(self) -> None:
        """Bring the widget up to date, if there is one."""
        if self._display is not None:
            # A notebook that went away, or a front end that has its own mind: the widget stays as it was.
            with suppress(Exception):
                self._display.update(self._bundle(), raw=True)


def _revealed(target: _config.Target) -> str | None:
    return target.token.reveal() if target.token is not None else None


@atexit.register
def _close_all() -> None:
    """Stop what nobody has closed, without an event loop: the loop's helper threads may be gone by now."""
    for cluster in list(ClusterLife._instances):
        if cluster.status == Status.closed and not cluster._owes_stop:
            continue
        try:
            cluster._stop_without_loop()
        except LineitemError as error:
            logger.warning("Cluster %s could not be stopped and may still cost money: %s", cluster.name, error)
            cluster.status = Status.closed
