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

from lineitem.agent.common._agreed import PLUGIN_NAME, STAMP_KEY
from lineitem.agent.common._batch import Epoch, encode_software, encode_source, monotonic_us
from lineitem.agent.common._guard import Guard
from lineitem.agent.common._inventory import Inventory
from lineitem.agent.common._stacks import Classifier, Resolver, can_sample, landmarks
from lineitem.agent.worker._calls import Calls
from lineitem.agent.worker._facts import (
    MAX_NAME,
    books_begin,
    measured_us,
    owner_of,
    process_id,
    read_stamp,
    spilled_bytes,
)
from lineitem.agent.worker._ledger import DONE, FAILED, Entry, Ledger
from lineitem.agent.worker._lookout import Lookout
from lineitem.agent.worker._native import NativeCpu
from lineitem.agent.worker._outbox import Outbox
from lineitem.agent.worker._resources import Resources
from lineitem.agent.worker._sampler import CpuClocks, Pace, Samples, look
from lineitem.agent.worker._taps import RELEASED, Arrivals, Taps
from lineitem.agent.worker._window import encode_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem.agent.worker._calls import Call
    from lineitem.agent.worker._ledger import Owner
    from lineitem.agent.worker._lookout import Seen

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
_LAST_LOOK_S = 0.7
_STARVED_US = 1_500_000
_BOOKS_US = 100_000
_REST_US = 200_000
_RATE_WITHOUT_LOOKING_HZ = 5.0
_FLUSH_NOW_S = 3.0


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
        self.resolver = Resolver(Classifier(settings["package_dirs"]))
        self._marks = landmarks(dask_worker)
        self._samples = Samples()
        self._clocks = CpuClocks()
        self._pace = Pace(settings["rate_hz"])
        self._can_sample = can_sample()
        self._taps = Taps(now / 1e6)
        self._lookout = Lookout(worker, self._marks, self.resolver.codes, self._clocks, self._taps)
        self._native = NativeCpu(worker, self._clocks)
        self._arrivals = Arrivals(now)
        self._call_watch = Calls(worker, self.guard, self._call_begins, self._call_ends)
        self._calls: set[Call] = set()
        self._coroutines: set[Any] = set()
        self._adopted_actors: dict[str, object] = {}
        self._loop_thread = 0
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
        self._busy_at = 0
        self._stop = False
        self._wake = threading.Event()
        self._ticks = 0
        self._max_gap_us = 0
        self._self_cpu_us = 0
        self._thread: threading.Thread | None = None
        self._outbox = Outbox(worker, self.guard, self._obey)
        self._last_books = now
        self._flushes = 0
        self._adopt_running(now)

    # -- on the event loop ------------------------------------------------------------------------------------------

    def start(self) -> Callable[..., None]:
        """Start measuring; return the function to call for each transition."""
        if not self._can_sample:
            logging.getLogger("lineitem.agent").warning(
                "This Python runs without the GIL, where reading other threads' frames is not safe: Lineitem measures "
                "tasks on this worker but not lines."
            )
        self._loop_thread = threading.get_ident()
        self.worker.handlers["lineitem_finish"] = self.finish
        self.worker.handlers["lineitem_flush"] = self.flush_now
        self._call_watch.install()
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
                    append((now, ts, ts.annotations.get(STAMP_KEY, 0) if ts.annotations else 0))
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

    def _call_begins(self, now_ns: int, call: Call) -> None:
        if not self._stop:
            self.events.append((now_ns, call))
            if self._asleep:
                self._wake.set()

    def _call_ends(self, now_ns: int, call: Call) -> None:
        if not self._stop:
            self.events.append((now_ns, call, "error" if call.failed else "memory", None))

    async def flush_now(self, comm: Any = None) -> dict[str, Any]:
        """Close the window now and send it; answer once the scheduler has it, or after three seconds."""
        deadline = time.monotonic() + _FLUSH_NOW_S
        try:
            before = self._flushes
            self._next_flush = 0
            self._wake.set()
            while self._flushes == before and self._thread is not None and self._thread.is_alive():
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(0.005)
            await asyncio.wait_for(asyncio.shield(self._outbox.send()), max(0.01, deadline - time.monotonic()))
        except asyncio.TimeoutError:
            pass
        except Exception:
            self.guard.failed("flush_now")
        return {"status": "OK", "complete": not len(self._outbox)}

    async def finish(self, comm: Any = None, software: bool = False) -> list[bytes]:
        """Answer the closing scheduler: stop measuring and hand over all that has not been taken in yet.

        Parameters
        ----------
        comm
            Dask's connection.
        software
            Whether to describe the environment, if there was no time to offer it.
        """
        try:
            await self._halt()
            left = self._outbox.take_all()
            content = self._inventory.content
            if software and content is not None and self._outbox.software_is_open:
                left.append(encode_software(self.epoch, content))
            return left
        except Exception:
            self.guard.failed("finish")
            return []

    async def close(self) -> None:
        """Stop measuring and send what is left; bounded to two seconds."""
        try:
            await self._halt()
            await asyncio.wait_for(self._send_rest(), _STOP_S)
        except Exception:
            self.guard.failed("close")
        self.worker.handlers.pop("lineitem_finish", None)
        self.worker.handlers.pop("lineitem_flush", None)

    async def _send_rest(self) -> None:
        self._describe()
        if len(self._outbox):
            await self._outbox.send()
        self._describe()  # the scheduler may only now have said that it wants it
        if len(self._outbox):
            await self._outbox.send()

    def _describe(self) -> None:
        """Offer the environment, or put it into the outbox if the scheduler wants it."""
        content = self._outbox.offer_software(self._inventory.content)
        if content is not None:
            self._outbox.put(encode_software(self.epoch, content))

    async def _halt(self) -> None:
        self._call_watch.uninstall()
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
        self._inventory.due_within(flush_s)  # the more workers there are, the more they spread
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
        paced_cpu = paced_looks = 0
        self._taps.sharpen()
        while True:
            how = self._wait()
            if self._stop:
                return
            looks = self._ticks
            seen = self._ask("sample", self._look, how) or []
            if self._ticks != looks:
                paced_cpu += (time.thread_time_ns() - thread_cpu) // 1000
                paced_looks += 1
            self._part("drain", self._drain)
            now = monotonic_us()
            self._part("tick", self._tick, now, seen)
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
            thread_cpu = cpu
            if now - paced_at > 1_000_000:
                self._pace.account(paced_cpu, paced_looks, self.ledger.nthreads)
                paced_at, paced_cpu, paced_looks = now, 0, 0

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

    def _wait(self) -> str | None:
        """Sleep until the next tick.

        With nothing running that is half a second, or until the first task begins.

        Returns
        -------
        str or None
            How the GIL was come by, if this is a moment to look.
        """
        now = monotonic_us()
        rate = self._pace.rate_hz or _RATE_WITHOUT_LOOKING_HZ
        if self._busy(now):
            due = self._arrivals.plan(now, rate)
            how = self._taps.sleep_until(min(due, max(now + 1_000, self._next_flush)) / 1e6, self._wake)
            if how is None:
                self._wake.clear()  # a late call of a hook that saw us asleep, or somebody wants a flush
            return how
        self._asleep = True
        # The hook may have appended before it could see that flag.
        until_flush = max(0.001, (self._next_flush - now) / 1e6)
        woken = bool(self.events) or self._wake.wait(min(until_flush, _IDLE_WAIT_S))
        self._asleep = False
        if self._stop:
            return None
        self._wake.clear()
        if woken and self.events:
            # What came before the task was idle for the old reason.
            self.ledger.advance(self.events[0][0] // 1000)
            self.ledger.attribute_idle(self._last_reason)
            self._last_tick = monotonic_us()
            self._arrivals.restart(self._last_tick, rate)
            self._lookout.forget()
        return None

    def _interval(self, now: int) -> float:
        """Return the seconds to the next flush: the wanted ones, more where batches are so large that they cost too much.

        A longer window repeats fewer names, and leaves fewer ledger rows without a sample. In its first minute a worker
        reports as quickly as wanted: somebody may be waiting for the first figures.
        """
        if now - self._begun < _PROMPT_US:
            return self._flush_s
        return max(self._flush_s, min(_STRETCH * self._flush_s, self._full_size / _BYTES_PER_S))

    def _busy(self, now: int) -> bool:
        """Tell whether to keep looking: something runs, or did a moment ago. Between short tasks it is not worth resting."""
        if self.ledger.entries or self.worker.active_threads or self.worker.state.in_flight_tasks:
            self._busy_at = now
        return now - self._busy_at < _REST_US

    def _drain(self) -> None:
        events = self.events
        ledger = self.ledger
        while events:
            event = events.popleft()
            if len(event) == 3:
                ts = event[1]
                ledger.begin(ts.key, owner_of(ts, event[2]), event[0] // 1000)
                if getattr(ts.run_spec, "is_coro", False):
                    self._coroutines.add(ts.key)
            elif len(event) == 4:
                ledger.end(event[1], event[0] // 1000, event[3], _OUTCOMES.get(event[2], ""))
                self._coroutines.discard(event[1])
                self._calls.discard(event[1])
            else:
                call = event[1]
                ledger.begin(call, call.owner, event[0] // 1000)
                self._calls.add(call)

    def _adopt_running(self, now: int) -> None:
        """Take over what was running before the agent came. An actor's method ends for us when it is not seen any more."""
        state = self.worker.state
        for ts in [*state.executing, *state.long_running]:
            self.ledger.begin(ts.key, owner_of(ts, (ts.annotations or {}).get(STAMP_KEY)), now)
            if getattr(ts.run_spec, "is_coro", False):
                self._coroutines.add(ts.key)
        if self._can_sample:
            for seen in look(self.worker.active_threads.copy(), self._marks, self.resolver.codes):
                if seen.runner in self._marks.actors:
                    token = self._adopted_actors[str(seen.key)] = object()
                    self.ledger.begin(token, self._actor_owner(str(seen.key)), now)

    def _look(self, how: str | None) -> list[Seen]:
        now = monotonic_us()
        rate = self._pace.rate_hz
        weight = self._arrivals.take(now, rate or _RATE_WITHOUT_LOOKING_HZ)
        if how is None or not weight or not rate or not self._can_sample:
            return []
        if how != RELEASED and not (self.worker.active_threads or self._calls or self._coroutines):
            return []  # short tasks are over by the time that the GIL is free
        self._max_gap_us = max(self._max_gap_us, now - self._last_tick)
        self._last_tick = now
        self._ticks += 1
        return self._lookout.look(
            now / 1e6,
            how,
            weight,
            self.ledger.nthreads,
            calls=self._calls,
            coroutines=self._coroutines,
            loop_thread=self._loop_thread,
        )

    def _tick(self, now: int, seen: list[Seen]) -> None:
        for sight in seen:
            key = self._actor_key(sight.key) if sight.actor else sight.key
            entry = self.ledger.entries.get(key)
            if entry is not None:
                self._samples.add(entry.owner, sight.part, sight.stack, sight.wall_us, sight.cpu_us)
        self.ledger.saw(self.worker.active_threads.copy().values(), now)
        if self._adopted_actors:
            self._end_adopted_actors(now)
        if now - self._last_books >= _BOOKS_US or now < self._last_books:
            self._keep_books(now)
        if self._last_reason == "starved" and self._starved_until - now < _STARVED_US // 3:
            # Ask again before this knowledge is too old to go by.
            self.worker.loop.add_callback(self._outbox.send, ask=True)

    def _keep_books(self, now: int) -> None:
        """Say what the free slots since the last time were: native parallelism, or idle for a reason."""
        self.ledger.advance(now)
        native = self._ask("native", self._take_native, now - self._last_books)
        self._last_books = now
        if native:
            self.ledger.attribute_native(native)
        self._last_reason = self._idle_reason(now)
        self.ledger.attribute_idle(self._last_reason)

    def _take_native(self, wall_us: int) -> int:
        busy = self.worker.active_threads.copy()
        return self._native.take_us(busy, self._loop_thread, wall_us, running=bool(self.ledger.entries))

    def _actor_key(self, name: str) -> object:
        """Find the entry of an actor's method that a thread is in: Dask names the thread by class and method."""
        for call in self._calls:
            if call.in_thread and call.owner[1] == name[:MAX_NAME]:
                return call
        return self._adopted_actors.get(name)

    def _end_adopted_actors(self, now: int) -> None:
        seen = look(self.worker.active_threads.copy(), self._marks, self.resolver.codes) if self._can_sample else []
        names = {str(sighting.key) for sighting in seen if sighting.runner in self._marks.actors}
        for name in self._adopted_actors.keys() - names:
            self.ledger.end(self._adopted_actors.pop(name), now, None, DONE)

    def _actor_owner(self, name: str) -> Owner:
        """Find who created the actor. Dask names only its class; two submissions with that class cannot be told apart."""
        of_class = name.rpartition(".")[0]
        found = {
            read_stamp((self.worker.state.tasks[key].annotations or {}).get(STAMP_KEY))
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
        calls = {*self._calls, *self._adopted_actors.values()}
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
                    if not entry.on_thread_us:
                        return None
                    # It has left its thread, and an event loop that is kept from running has not noticed: seconds, where tasks hold the
                    # GIL. What it took there must be charged in this window, as no later one has room for it.
                    gone = self.ledger.now - entry.on_thread_us
                    return max(0, min(since_open, int((wall - ts.start_time) * 1e6)) - gone)
            return min(since_open, int((wall - ts.start_time) * 1e6))

        return elapsed

    def _flush(self, *, final: bool = False) -> None:
        """Close the window and put it into the outbox."""
        self._drain()
        now = monotonic_us()
        self._keep_books(now)
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
        self._flushes += 1
        self._full_size = encoded.full_size
        self.resolver.trim()
        self._clocks.forget_ended()
        if not final:
            for source in self._outbox.read_sources(encoded.user_files):
                self._outbox.put(encode_source(self.epoch, *source))
            self._describe()
            self.worker.loop.add_callback(self._outbox.send)
