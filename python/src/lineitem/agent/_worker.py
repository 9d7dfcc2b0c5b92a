"""The agent on a worker: a hook that notes transitions, a thread that measures, a coroutine that reports.

The hook runs on the worker's event loop and only appends to a queue. Everything that takes time (the ledger, looking at
threads, encoding) happens in the agent's own thread, which owns all of that state alone, so nothing needs a lock. The
event loop gets finished bytes and sends them to the scheduler.

This module and all it imports from the package travel to the worker by value; they use the standard library and
``distributed`` only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from dask.utils import key_split
from distributed import worker as dask_worker
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.metrics import time as dask_time

from lineitem.agent._batch import Epoch, encode_software, encode_source, encode_window, monotonic_us
from lineitem.agent._facts import MAX_NAME, books_begin, measured_us, owner_of, process_id, read_stamp, spilled_bytes
from lineitem.agent._guard import Guard
from lineitem.agent._inventory import Inventory
from lineitem.agent._ledger import DONE, FAILED, Entry, Ledger
from lineitem.agent._outbox import Outbox
from lineitem.agent._resources import Resources
from lineitem.agent._sampler import CpuClocks, Pace, Samples, look
from lineitem.agent._stacks import Classifier, Resolver, can_sample, landmarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem.agent._ledger import Owner

PLUGIN_NAME = "lineitem-agent"
STAMP = "lineitem"

# Worker states in which a task holds a thread; a cancelled or resumed one runs on until its function returns.
_RUNNING = frozenset({"executing", "long-running", "cancelled", "resumed"})
_OUTCOMES = {"memory": DONE, "error": FAILED}

_FIRST_FLUSH_S = 2.0
_FLUSH_BYTES = 64 << 10
_PROMPT_US = 60_000_000
_STRETCH = 4
_BYTES_PER_S = 370  # before compression to about 45 %: the budget is 10 kB a minute on the wire
_IDLE_WAIT_S = 0.5
_STOP_S = 1.0
_LAST_LOOK_S = 0.3
_STARVED_US = 1_500_000


class LineitemWorkerPlugin(WorkerPlugin):
    """What Dask sees of the agent on a worker.

    Parameters
    ----------
    settings
        Made by the scheduler: ``cluster``, ``scheduler_process``, ``package_dirs``, ``rate_hz``, ``flush_seconds``.
    """

    name = PLUGIN_NAME

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._agent: WorkerAgent | None = None

    def setup(self, worker: Any) -> None:
        """Start the agent, unless this process says it must not run."""
        if os.environ.get("LINEITEM_AGENT", "").lower() == "off":
            return
        try:
            agent = WorkerAgent(worker, self._settings)
            # On the instance, so that a transition costs one call and not two.
            setattr(self, "transition", agent.start())  # noqa: B010 - a plain assignment hides the method's type
            self._agent = agent
        except Exception:
            logging.getLogger("lineitem.agent").warning(
                "Lineitem's agent could not start on this worker. Tasks are not affected; their cost stays without detail.",
                exc_info=True,
            )

    async def teardown(self, worker: Any) -> None:
        """Send the last batch, within two seconds."""
        if self._agent is not None:
            try:
                await self._agent.close()
            except Exception:
                self._agent.guard.failed("teardown")


class WorkerAgent:
    """The agent of one worker process.

    Parameters
    ----------
    worker
        The ``distributed.Worker``.
    settings
        See ``LineitemWorkerPlugin``.
    """

    def __init__(self, worker: Any, settings: dict[str, Any]) -> None:
        self.worker = worker
        self.guard = Guard(f"worker {worker.name}")
        self.epoch = Epoch(process_id(worker, settings))
        self.events: deque[tuple[Any, ...]] = deque()
        self.hook_ns = 0
        now = monotonic_us()
        begin = books_begin(worker, now)
        self.ledger = Ledger(worker.state.nthreads, begin)
        if begin < now:
            self.ledger.advance(now)
            self.ledger.attribute_idle("starting")
        self._adopt_running(now)

        self.resolver = Resolver(Classifier(settings["package_dirs"]))
        self._marks = landmarks(dask_worker)
        self._samples = Samples()
        self._clocks = CpuClocks()
        self._pace = Pace(settings["rate_hz"])
        self._can_sample = can_sample()
        self._actor_calls: dict[int, tuple[str, object]] = {}
        self._inventory = Inventory()
        self._resources = self._ask("resources", Resources, worker, spilled_bytes)

        self._flush_s = float(settings["flush_seconds"])
        self._next_flush = now + int(_FIRST_FLUSH_S * random.uniform(0.8, 1.2) * 1e6)  # noqa: S311 - spreads load
        self._begun = now
        self._full_size = 0
        self._last_tick = now
        self._last_reason = "starting" if begin < now else "no_work"
        self._starved_until = 0
        self._asleep = False
        self._stop = False
        self._wake = threading.Event()
        self._ticks = 0
        self._max_gap_us = 0
        self._self_cpu_us = 0
        self._thread: threading.Thread | None = None
        self._outbox = Outbox(worker, self.guard, self._obey)

    # -- on the event loop ------------------------------------------------------------------------------------------

    def start(self) -> Callable[..., None]:
        """Start measuring; return the function to call for each transition."""
        if not self._can_sample:
            logging.getLogger("lineitem.agent").warning(
                "This Python runs without the GIL, where reading other threads' frames is not safe: Lineitem measures "
                "tasks on this worker but not lines."
            )
        self.worker.handlers["lineitem_finish"] = self.finish
        self._thread = threading.Thread(target=self._run, name="lineitem-agent", daemon=True)
        self._thread.start()
        return self._make_hook()

    def _make_hook(self) -> Callable[..., None]:
        # Locals are what makes this cheap: it runs for every transition of every task.
        tasks = self.worker.state.tasks
        append = self.events.append
        clock = time.monotonic_ns
        running = _RUNNING
        broken = False

        def transition(key: Any, start: str, finish: str, **_kwargs: Any) -> None:
            nonlocal broken
            try:
                if self._stop:
                    return  # nobody would ever take it out of the queue
                if finish == "executing":
                    now = clock()
                    ts = tasks[key]
                    append((now, ts, ts.annotations.get(STAMP, 0) if ts.annotations else 0))
                    if self._asleep:
                        self._wake.set()
                elif start in running and finish not in running:
                    now = clock()
                    append((now, key, finish, measured_us(tasks.get(key)) if finish != "rescheduled" else None))
                    if not now & 0xFC000:  # one in 64, by a part of the clock that changes often
                        self.hook_ns += 128 * min(clock() - now, 50_000)
            except Exception:
                if not broken:
                    self.guard.failed("transition")
                    if self.guard.broken("transition"):
                        # Without the ends of tasks the ledger would charge them for ever.
                        broken = self._stop = True
                        self._wake.set()

        return transition

    async def finish(self, comm: Any = None) -> list[bytes]:
        """Answer the closing scheduler: stop measuring and hand over all that has not been taken in yet."""
        try:
            await self._halt()
            return self._outbox.take_all()
        except Exception:
            self.guard.failed("finish")
            return []

    async def close(self) -> None:
        """Stop measuring and send what is left; bounded to two seconds."""
        try:
            await self._halt()
            if len(self._outbox):
                await asyncio.wait_for(self._outbox.send(), _STOP_S)
        except Exception:
            self.guard.failed("close")
        self.worker.handlers.pop("lineitem_finish", None)

    async def _halt(self) -> None:
        self._stop = True
        self._wake.set()
        deadline = time.monotonic() + _STOP_S
        # The thread cannot set an asyncio event for us without this very loop, which may be the one that is closing.
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def _obey(self, reply: dict[str, Any]) -> None:
        """Take over what the scheduler answered to a report."""
        self._pace.want(float(reply["rate_hz"]))
        flush_s = max(0.5, float(reply["flush_seconds"]))
        if flush_s < self._flush_s:
            self._next_flush = min(self._next_flush, monotonic_us() + int(flush_s * 1e6))
        self._flush_s = flush_s
        if reply["queued"]:
            self._starved_until = monotonic_us() + _STARVED_US
        self._outbox.wants_sources = bool(reply["source_text"])
        if reply["off"]:
            self._stop = True
            self._outbox.clear()
            self._wake.set()

    # -- in the agent's thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop()
        except Exception:
            self.guard.failed("thread")
        try:
            self._flush(final=True)
        except Exception:
            self.guard.failed("flush")
        if self._resources is not None:
            self._ask("resources", self._resources.close)

    def _loop(self) -> None:
        thread_cpu = time.thread_time_ns()
        paced_at = monotonic_us()
        paced_cpu = 0
        while not self._stop:
            if not self._wait():
                return
            self._part("drain", self._drain)
            now = monotonic_us()
            self._part("tick", self._tick, now)
            self._ask("inventory", self._inventory.tick)
            if self._resources is not None:
                self._ask("resources", self._resources.tick, now)
            if (
                now >= self._next_flush
                or self._samples.size > _FLUSH_BYTES
                or self.worker.state.nthreads != self.ledger.nthreads
            ):
                self._part("flush", self._flush)
                self._next_flush = now + int(self._interval(now) * random.uniform(0.9, 1.1) * 1e6)  # noqa: S311 - spreads load
            if self.guard.broken("drain") or self.guard.broken("tick") or self.guard.broken("flush"):
                return
            cpu = time.thread_time_ns()
            self._self_cpu_us += (cpu - thread_cpu) // 1000
            paced_cpu += (cpu - thread_cpu) // 1000
            thread_cpu = cpu
            if now - paced_at > 2_000_000:
                self._pace.account(paced_cpu, now - paced_at)
                paced_at, paced_cpu = now, 0

    def _part(self, name: str, call: Callable[..., None], *args: Any) -> None:
        try:
            call(*args)
        except Exception:
            self.guard.failed(name)

    def _ask(self, name: str, question: Callable[..., Any], *args: Any) -> Any:
        """Ask a part that the rest can do without; None if it fails."""
        if self.guard.broken(name):
            return None
        try:
            return question(*args)
        except Exception:
            self.guard.failed(name)
            return None

    def _wait(self) -> bool:
        """Sleep until the next tick; tell whether to go on.

        With nothing running that is half a second, or until the first task begins.
        """
        until_flush = max(0.001, (self._next_flush - monotonic_us()) / 1e6)
        rate = self._pace.rate_hz or 5.0
        if self._busy():
            if self._wake.wait(min(until_flush, random.uniform(0.5, 1.5) / rate)):  # noqa: S311 - jitter, not secrecy
                self._wake.clear()  # a late call of a hook that saw us asleep
            return not self._stop
        self._asleep = True
        # The hook may have appended before it could see that flag.
        woken = bool(self.events) or self._wake.wait(min(until_flush, _IDLE_WAIT_S))
        self._asleep = False
        if self._stop:
            return False
        self._wake.clear()
        if woken and self.events:
            # What came before the task was idle for the old reason. Look at a random moment from now on, and not at
            # once: otherwise short tasks would always be caught on their first line.
            self.ledger.advance(self.events[0][0] // 1000)
            self.ledger.attribute_idle(self._last_reason)
            self._wake.wait(random.random() / rate)  # noqa: S311 - jitter, not secrecy
            self._last_tick = monotonic_us() - int(1e6 / rate)
        return not self._stop

    def _interval(self, now: int) -> float:
        """Return the seconds to the next flush: the wanted ones, more where batches are so large that they cost too much.

        A longer window repeats fewer names, and leaves fewer ledger rows without a sample. In its first minute a worker
        reports as quickly as wanted: somebody may be waiting for the first figures.
        """
        if now - self._begun < _PROMPT_US:
            return self._flush_s
        return max(self._flush_s, min(_STRETCH * self._flush_s, self._full_size / _BYTES_PER_S))

    def _busy(self) -> bool:
        return bool(self.ledger.entries or self.worker.active_threads or self.worker.state.in_flight_tasks)

    def _drain(self) -> None:
        events = self.events
        ledger = self.ledger
        while events:
            event = events.popleft()
            if len(event) == 3:
                ts = event[1]
                ledger.begin(ts.key, owner_of(ts, event[2]), event[0] // 1000)
            else:
                ledger.end(event[1], event[0] // 1000, event[3], _OUTCOMES.get(event[2], ""))

    def _adopt_running(self, now: int) -> None:
        """Take over tasks that were running before the agent came."""
        state = self.worker.state
        for ts in [*state.executing, *state.long_running]:
            self.ledger.begin(ts.key, owner_of(ts, (ts.annotations or {}).get(STAMP)), now)

    def _tick(self, now: int) -> None:
        dt = now - self._last_tick
        self._last_tick = now
        active = self.worker.active_threads.copy()
        if active and self._can_sample and self._pace.rate_hz and not self.guard.broken("sample"):
            self._max_gap_us = max(self._max_gap_us, dt)
            self._ticks += 1
            try:
                self._sample(active, now, dt)
            except Exception:
                self.guard.failed("sample")
                self._end_actor_calls(now, set())
        elif self._actor_calls:
            self._end_actor_calls(now, set())
        self.ledger.advance(now)
        self._last_reason = self._idle_reason(now)
        self.ledger.attribute_idle(self._last_reason)
        if self._last_reason == "starved" and self._starved_until - now < _STARVED_US // 3:
            # Ask again before this knowledge is too old to go by.
            self.worker.loop.add_callback(self._outbox.send, ask=True)

    def _sample(self, active: dict[int, Any], now: int, dt: int) -> None:
        sightings = look(active, self._marks, self.resolver.codes)
        nthreads = self.ledger.nthreads
        wall = dt if len(sightings) <= nthreads else dt * nthreads // len(sightings)
        in_actors = set()
        for seen in sightings:
            if seen.runner in self._marks.actors:
                in_actors.add((seen.ident, str(seen.key)))
                entry: Entry | None = self._actor_entry(seen.ident, str(seen.key), now)
            else:
                entry = self.ledger.entries.get(seen.key)
            if entry is not None:
                cpu = min(wall, self._clocks.delta_us(seen.ident, dt))
                self._samples.add(entry.owner, seen.part, seen.stack, wall, cpu)
        if self._actor_calls:
            self._end_actor_calls(now, in_actors)

    def _actor_entry(self, ident: int, name: str, now: int) -> Entry:
        """Return the entry of an actor's method, which no transition announces: it begins where a tick first sees it."""
        call = self._actor_calls.get(ident)
        if call is None or call[0] != name:
            if call is not None:
                self.ledger.end(call[1], now, None, "")
            call = self._actor_calls[ident] = (name, object())
            self.ledger.begin(call[1], self._actor_owner(name), now)
        return self.ledger.entries[call[1]]

    def _end_actor_calls(self, now: int, still: set[tuple[int, str]]) -> None:
        for ident, (name, token) in list(self._actor_calls.items()):
            if (ident, name) not in still:
                self.ledger.end(token, now, None, "")
                del self._actor_calls[ident]

    def _actor_owner(self, name: str) -> Owner:
        """Find who created the actor. Dask names only its class; two submissions with that class cannot be told apart."""
        of_class = name.rpartition(".")[0]
        found = {
            read_stamp((self.worker.state.tasks[key].annotations or {}).get(STAMP))
            for key in list(self.worker.state.actors)
            if key in self.worker.state.tasks and key_split(key) == of_class
        }
        submission, origin = found.pop() if len(found) == 1 else (0, 0)
        return submission, name[:MAX_NAME], origin

    def _idle_reason(self, now: int) -> str:
        status = self.worker.status.name
        state = self.worker.state
        if status in ("closing", "closing_gracefully", "closed", "stopped"):
            return "closing"
        if status in ("init", "starting", "undefined"):
            return "starting"
        if status == "paused":
            return "paused"
        if state.in_flight_tasks and not state.ready:
            return "waiting_data"
        if now < self._starved_until:
            return "starved"
        return "holding" if state.nbytes else "no_work"

    def _elapsed(self) -> Callable[[Any, Entry], int | None]:
        """Make the function that tells how long an open entry has been on a thread."""
        worker = self.worker
        tasks = worker.state.tasks
        on_thread = set(worker.active_threads.copy().values())
        calls = {token for _, token in self._actor_calls.values()}
        wall = dask_time()

        def elapsed(key: Any, entry: Entry) -> int | None:
            since_open = self.ledger.now - entry.opened_us
            if key in calls:
                return since_open
            ts = tasks.get(key)
            if ts is None or ts.start_time is None:
                return None
            if key not in on_thread:
                # Coroutines and other executors never appear among Dask's active threads.
                elsewhere = getattr(ts.run_spec, "is_coro", False) or (ts.annotations or {}).get("executor")
                if not elsewhere or key not in worker.active_keys:
                    return None
            return min(since_open, int((wall - ts.start_time) * 1e6))

        return elapsed

    def _flush(self, *, final: bool = False) -> None:
        """Close the window and put it into the outbox."""
        self._drain()
        now = monotonic_us()
        window = self.ledger.close_window(now, self._last_reason, self._elapsed(), self.worker.state.nthreads)
        samples, self._samples = self._samples, Samples()
        res = None
        if self._resources is not None:
            res = self._ask("resources", self._resources.window)
            self._self_cpu_us += self._resources.take_cost_us()
        if final:
            self._ask("inventory", self._inventory.hasten, _LAST_LOOK_S)
        software = self._ask("inventory", self._inventory.section)
        self._self_cpu_us += self._inventory.take_cost_us()
        health = {
            "self_cpu_us": self._self_cpu_us + self.hook_ns // 1000,
            "ticks": self._ticks,
            "max_gap_us": self._max_gap_us,
            "dropped": self._outbox.dropped,
            "errors": self.guard.errors,
            "rate_hz": round(self._pace.rate_hz) if self._can_sample and not self.guard.broken("sample") else 0,
        }
        self._self_cpu_us = self._ticks = self._max_gap_us = self.hook_ns = 0
        budget = int((window.t1 - window.t0) / 1e6 * _BYTES_PER_S)
        if now - self._begun < _PROMPT_US:
            budget = 2 * max(budget, int(self._flush_s * _BYTES_PER_S))
        encoded = encode_window(
            self.epoch,
            window,
            samples.weights,
            self.resolver,
            final=final,
            budget=budget,
            res=res,
            software=software,
            health=health,
        )
        self._outbox.put(encoded.batch)
        self._full_size = encoded.full_size
        self.resolver.trim()
        self._clocks.forget_ended()
        if not final:
            for source in self._outbox.read_sources(encoded.user_files):
                self._outbox.put(encode_source(self.epoch, *source))
            content = self._outbox.offer_software(self._inventory.content)
            if content is not None:
                self._outbox.put(encode_software(self.epoch, content))
            self.worker.loop.add_callback(self._outbox.send)
