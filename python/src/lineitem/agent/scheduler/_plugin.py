"""The agent on a scheduler: stamps tasks, takes in the workers' batches, reports, and carries out the server's directives."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import distributed
from distributed.diagnostics.plugin import SchedulerPlugin

import lineitem
from lineitem.agent import AGENT_VERSION
from lineitem.agent.common._agreed import PLUGIN_NAME
from lineitem.agent.common._batch import MAX_BATCH_BYTES, Epoch, encode_software, encode_source, monotonic_us, pack
from lineitem.agent.common._guard import Guard
from lineitem.agent.common._inventory import Environments, Inventory, checked
from lineitem.agent.common._sources import read_source
from lineitem.agent.common._stacks import Classifier
from lineitem.agent.scheduler._lifecycle import Lifecycle
from lineitem.agent.scheduler._operations import Operations
from lineitem.agent.scheduler._push import worker_payload
from lineitem.agent.scheduler._stamps import Stamper, split_rows
from lineitem.agent.scheduler._submissions import Origin, source_of
from lineitem.agent.scheduler._transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineitem.agent.common._config import AgentConfig

logger = logging.getLogger("lineitem.agent")

RATE_HZ = 50.0
FLUSH_SECONDS = 5.0
REPORTS_PER_SECOND = 20

_COLLECT_TIMEOUT_S = 1.0
_FINISH_WORKERS_S = 2.0
_LOOK_AFTER_S = 2.0
_LAST_LOOK_S = 0.5
_DESCRIBED_AT_END = 20  # workers of a cluster that was too short to ask each of them what it has
_DRAIN_S = 5.0
_RETIRE_AGAIN_S = 30.0
_MAX_SOURCES = 2_000
_MAX_WINDOW_US = 23 * 3_600_000_000  # the server takes a day; a first answer may take longer


class LineitemSchedulerPlugin(SchedulerPlugin):
    """The scheduler's part of the agent.

    Parameters
    ----------
    scheduler
        The ``distributed.Scheduler`` it belongs to.
    config
        Where the server is and who this cluster is.
    """

    name = PLUGIN_NAME

    def __init__(self, scheduler: Any, config: AgentConfig) -> None:
        self._scheduler = scheduler
        self._config = config
        self._loop: asyncio.AbstractEventLoop = scheduler.loop.asyncio_loop
        self._guard = Guard("the scheduler")
        self._epoch = Epoch(config.process)
        self._window_start = monotonic_us()
        package_dirs = [
            str(Path(module.__file__).parent) for module in (dask, distributed, lineitem) if module.__file__
        ]
        self._package_dirs = package_dirs
        self._stamps = Stamper(scheduler, self._guard, self._epoch, Classifier(package_dirs))
        self._life = Lifecycle(scheduler, config, self._epoch)

        self._rate_hz = RATE_HZ
        self._flush_seconds = FLUSH_SECONDS
        self._source_text: bool | None = None  # unknown until the server has answered
        self._sources: set[tuple[str, Any]] = set()
        self._environments = Environments()
        self._inventory = Inventory(_LOOK_AFTER_S)
        self._told_environment = False
        self._last_gauges: dict[str, int] = {}
        self._reports = 0
        self._collecting = threading.Event()
        self._retiring: dict[tuple[str, str], float] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._finished = False
        self._closed: asyncio.Task[None] | None = None
        self._last_call: asyncio.Task[None] | None = None
        self.transport = Transport(
            config,
            AGENT_VERSION,
            collect=self._collect,
            has_news=lambda: len(self._stamps) + len(self._life) > 0,
            on_answer=self._answer,
        )
        self._operations = Operations(
            scheduler, config, epoch=self._epoch.id, transport=self.transport, guard=self._guard, take=self._take
        )

    def install(self) -> None:
        """Install the hooks on the scheduler, and reach for its workers."""
        scheduler = self._scheduler
        payload = worker_payload(
            {
                "cluster": self._config.cluster,
                "scheduler_process": self._config.process,
                "package_dirs": self._package_dirs,
                "rate_hz": self._rate_hz,
                "flush_seconds": self._flush_seconds,
            }
        )
        scheduler.handlers["lineitem_report"] = self.report
        self._operations.install()
        scheduler.add_plugin(self, name=PLUGIN_NAME)
        try:
            self._stamps.install()
        except Exception:
            self._guard.failed("spans")
        try:
            self._life.begin()
        except Exception:
            self._guard.failed("workers")
        # What register_worker_plugin does, without waiting: nothing can come between these two lines.
        scheduler.worker_plugins[PLUGIN_NAME] = payload
        if scheduler.workers:
            self._spawn(self._push(payload))
        self.transport.start()

    async def _push(self, payload: bytes) -> None:
        await self._scheduler.broadcast(
            msg={"op": "plugin-add", "plugin": payload, "name": PLUGIN_NAME}, on_error="ignore"
        )

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = self._loop.create_task(self._softly(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _softly(self, work: Any) -> None:
        try:
            await work
        except Exception:
            self._guard.failed("background")

    # -- stamping ---------------------------------------------------------------------------------------------------

    def update_graph(self, scheduler: Any, *, client: str = "", tasks: Iterable[Any] = (), **_kwargs: Any) -> None:
        """Stamp new tasks. Dask calls this before any of them is sent to a worker."""
        self._stamps.update_graph(str(client), tasks)

    def add_worker(self, scheduler: Any, worker: str) -> None:
        """Note that a worker has come."""
        try:
            self._life.add(worker)
        except Exception:
            self._guard.failed("workers")

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Have the workers report when the last client goes: next is often their end, and a batch system's is not gentle."""
        try:
            if self._closed is None and all(name == "fire-and-forget" for name in scheduler.clients):
                self._last_call = self._spawn(self._operations.gather())
        except Exception:
            self._guard.failed("last call")

    def remove_worker(self, scheduler: Any, worker: str, **_kwargs: Any) -> None:
        """Note that a worker has gone."""
        try:
            self._life.remove(worker)
        except Exception:
            self._guard.failed("workers")

    # -- the workers' reports ---------------------------------------------------------------------------------------

    async def report(
        self, comm: Any, batches: Iterable[bytes] = (), sources: Iterable[Any] = (), software: Any = "", **_kwargs: Any
    ) -> dict[str, Any]:
        """Take in a worker's batches and answer with what the worker should know."""
        try:
            self._take(batches)
            return {
                "status": "OK",
                "rate_hz": self._rate_hz,
                "flush_seconds": max(self._flush_seconds, len(self._scheduler.workers) / REPORTS_PER_SECOND),
                "queued": len(self._scheduler.queued) + len(self._scheduler.unrunnable),
                "source_text": bool(self._source_text),
                "want": [file for file, sha256 in sources if self._wants(file, sha256)],
                "want_software": self._environments.wants(software),
                "off": self.transport.refused or self._finished,
            }
        except Exception:
            self._guard.failed("report")
            return {"status": "error"}

    def _take(self, batches: Iterable[bytes]) -> None:
        for batch in batches:
            if len(batch) <= MAX_BATCH_BYTES and not self.transport.refused:
                self._reports += 1
                self.transport.queue.put(batch)

    def _wants(self, file: str, mark: Any) -> bool:
        """Tell whether a source is new, and remember it."""
        if not self._source_text or (file, mark) in self._sources or len(self._sources) >= _MAX_SOURCES:
            return False
        self._sources.add((file, mark))
        return True

    # -- the scheduler's own batches --------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Put the scheduler's own news into the queue. Called by the transport's thread."""
        if self._guard.broken("collect") or self._loop.is_closed():
            return
        if self._collecting.is_set():
            return  # the event loop has been busy since the last time
        self._collecting.set()
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._collect_here, done)
        # A busy event loop does not hold up the post; its news goes with the next one.
        done.wait(_COLLECT_TIMEOUT_S)

    def _collect_here(self, done: threading.Event) -> None:
        try:
            for batch in self._make_batches():
                self.transport.queue.put(batch)
        except Exception:
            self._guard.failed("collect")
        finally:
            self._collecting.clear()
            done.set()

    def _make_batches(self) -> list[bytes]:
        gauges = self._gauges()
        made = self._software_batches()
        quiet = not len(self._stamps) and not self._stamps.held_sources and not self._finished
        if quiet and not made and not len(self._life) and gauges == self._last_gauges:
            return []
        made += self._source_batches()
        self._last_gauges = gauges
        now = monotonic_us()
        self._window_start = max(self._window_start, now - _MAX_WINDOW_US)
        rows = self._stamps.take()
        if not self._guard.broken("workers"):
            try:
                rows.update(self._life.take())
            except Exception:
                self._guard.failed("workers")
        windows = split_rows(rows) or [{"submissions": []}]
        for sections in windows:
            last = sections is windows[-1]
            head = self._epoch.head("scheduler")
            window = {
                "final": self._finished and last,
                "t0_us": self._epoch.utc_us(self._window_start),
                "t1_us": self._epoch.utc_us(now),
                **sections,
                "gauges": gauges,
                "health": self._health(),
            }
            software = self._inventory.section()
            if software is not None:
                window["software"] = software
            made.append(pack({**head, **window}))
            self._window_start = now
        return made

    def _source_batches(self) -> list[bytes]:
        """Encode the files that submissions came from; the client sends the whole text for code outside of functions."""
        held, self._stamps.held_sources = self._stamps.held_sources, {}
        made = []
        for file, origin in held.items():
            if self._source_text and self._wants(file, hash(origin.module_source)):
                found = source_of(origin) or self._read_same(origin)
                if found is not None and self._wants(file, found[0]):
                    made.append(encode_source(self._epoch, file, *found))
        return made

    def _software_batches(self) -> list[bytes]:
        """Encode the environments of clients, and the scheduler's own when it has become known."""
        self._inventory.tick()
        found = [checked(content) for content in self._stamps.origins.take_software()]
        if self._inventory.content is not None and not self._told_environment:
            self._told_environment = True
            found.append(self._inventory.content)
        return [
            encode_software(self._epoch, content)
            for content in found
            if content is not None and self._environments.wants(content["environment"])
        ]

    def _read_same(self, origin: Origin) -> tuple[str, str] | None:
        """Read the file here, if it is the client's: the submission's line must say the same."""
        found = read_source(origin.file)
        if found is None or not origin.text:
            return None
        lines = found[1].splitlines()
        same = origin.line <= len(lines) and lines[origin.line - 1].strip().startswith(origin.text)
        return found if same else None

    def _gauges(self) -> dict[str, int]:
        scheduler = self._scheduler
        workers = list(scheduler.workers.values())
        states: dict[str, int] = {}
        for group in scheduler.task_groups.values():
            for state, count in group.states.items():
                states[state] = states.get(state, 0) + count
        return {
            "workers": len(workers),
            "threads": sum(ws.nthreads for ws in workers),
            "clients": sum(name != "fire-and-forget" for name in scheduler.clients),
            "processing": states.get("processing", 0),
            "queued": states.get("queued", 0),
            "waiting": states.get("waiting", 0),
            "no_worker": states.get("no-worker", 0),
            "in_memory": states.get("memory", 0),
            "erred": states.get("erred", 0),
            "managed_bytes": sum(int(ws.nbytes) for ws in workers),
            "spilled_bytes": sum(int((ws.metrics.get("spilled_bytes") or {}).get("disk", 0)) for ws in workers),
        }

    def _health(self) -> dict[str, int]:
        transport = self.transport
        return {
            **transport.health,
            "queue_bytes": transport.queue.size,
            "dropped": transport.queue.dropped + self._stamps.dropped,
            "reports": self._reports,
            "errors": self._guard.errors,
        }

    # -- the server's answers ---------------------------------------------------------------------------------------

    def _answer(self, answer: dict[str, Any]) -> None:
        """Hand an answer to the event loop. Called by the transport's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._apply, answer)

    def _apply(self, answer: dict[str, Any]) -> None:
        try:
            knobs = answer.get("knobs") or {}
            self._source_text = self._stamps.source_text = knobs.get("source_text") is True
            self._rate_hz = max(0.0, min(100.0, float(knobs.get("rate_hz", RATE_HZ))))
            self._flush_seconds = max(1.0, min(300.0, float(knobs.get("flush_seconds", FLUSH_SECONDS))))
            if not self._finished:
                for name in answer.get("retire") or []:
                    self._retire(str(name))
        except Exception:
            self._guard.failed("answer")

    def _retire(self, name: str) -> None:
        """Retire the worker of that name, once. A later worker may have the same name; it is another one."""
        now = time.monotonic()
        for ws in list(self._scheduler.workers.values()):
            mark = (name, str(ws.address))
            if str(ws.name) == name and now - self._retiring.get(mark, float("-inf")) > _RETIRE_AGAIN_S:
                self._retiring[mark] = float("inf")
                self._spawn(self._retire_worker(name, mark))

    async def _retire_worker(self, name: str, mark: tuple[str, str]) -> None:
        retired: Any = {}
        try:
            logger.info("Retiring worker %s: the Lineitem server wants it gone.", name)
            retired = await self._scheduler.retire_workers(workers=[mark[1]], close_workers=True, remove=True)
        finally:
            if not retired and mark[1] in self._scheduler.workers:
                # Its data had nowhere to go. Try again if the server still wants that later.
                self._retiring[mark] = time.monotonic()

    # -- the end ----------------------------------------------------------------------------------------------------

    async def before_close(self) -> None:
        """Collect the workers' last batches while they can still be reached, and send everything."""
        if self._closed is None:
            self._closed = self._loop.create_task(self._softly(self._shut_down()))
        await asyncio.shield(self._closed)

    async def close(self) -> None:
        """Finish, if Dask has not called ``before_close``."""
        await self.before_close()

    async def _shut_down(self) -> None:
        if self._last_call is not None:
            await asyncio.wait({self._last_call}, timeout=_FINISH_WORKERS_S)
        try:
            self._inventory.hasten()
            await asyncio.wait_for(self._finish_workers(), _FINISH_WORKERS_S)
        except asyncio.TimeoutError:
            logger.info("Lineitem's agent did not get the last figures of all workers in time.")
        until = time.monotonic() + _LAST_LOOK_S
        while self._inventory.content is None and time.monotonic() < until:  # noqa: ASYNC110 - a thread cannot set an event here
            await asyncio.sleep(0.01)
        self._finished = True
        self._stamps.uninstall()
        await self._loop.run_in_executor(None, self.transport.close, _DRAIN_S)
        self._scheduler.handlers.pop("lineitem_report", None)
        self._operations.uninstall()

    async def _finish_workers(self) -> None:
        async def finish(number: int, address: str) -> None:
            try:
                left = await self._scheduler.rpc(address).lineitem_finish(software=number < _DESCRIBED_AT_END)
                if isinstance(left, (list, tuple)):
                    self._take(left)
            except OSError:
                pass  # It is gone already, and has said what it had to say.

        addresses = list(self._scheduler.workers)
        await asyncio.gather(*(self._softly(finish(*numbered)) for numbered in enumerate(addresses)))
