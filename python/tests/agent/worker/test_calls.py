"""Work that no task announces, on a real worker."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import call_tasks
import distributed.worker
import pytest
from agent_lab import Collector, Processes, check_books, slot_seconds
from distributed import Client

from lineitem.agent.common._guard import Guard
from lineitem.agent.common._stacks import Classifier, Landmarks, Resolver, landmarks
from lineitem.agent.worker._calls import Calls, look_at_coroutine

if TYPE_CHECKING:
    from pathlib import Path


def test_calls_are_exact_rows_with_the_lines_that_waited(tmp_path: Path) -> None:
    with Collector() as collector, Processes(tmp_path, collector.url) as processes:
        processes.worker("w-0", nthreads=1)
        with Client(processes.address) as client:
            client.wait_for_workers(1, timeout=120)
            client.run(call_tasks.block, 1.0)
            client.run(call_tasks.linger, 1.0)
            with pytest.raises(ValueError, match="may fail"):
                client.run(call_tasks.broken)
            assert client.submit(call_tasks.slow_task, 1.0).result() == "done"
            actor: Any = client.submit(call_tasks.Waiting, actor=True).result()
            actor.linger(1.0).result()
            # The second waits for the actor's one thread, and is not charged while it does.
            first, second = actor.block(0.5), actor.block(0.5)
            first.result()
            second.result()
            [answer] = client.run(call_tasks.flush).values()
            assert answer == {"status": "OK", "complete": True}
            so_far = collector.of("worker")
            collector.until(lambda: slot_seconds(collector.of("worker"), "Waiting.block")[2] == 2)
            assert len(so_far) <= len(collector.of("worker"))
        processes.terminate("w-0")
    check_books(collector.batches)
    workers = collector.of("worker")
    slot, thread, done, failed = slot_seconds(workers, "Client.run")
    assert 1.9 < thread <= slot
    assert (done, failed) == (3, 1)
    for prefix, least, most in (("Waiting.linger", 0.9, 30.0), ("Waiting.block", 0.9, 30.0), ("slow_task", 0.9, 30.0)):
        slot, thread, done, failed = slot_seconds(workers, prefix)
        assert least < thread <= slot < most, prefix
        assert (done, failed) == ({"Waiting.block": 2}.get(prefix, 1), 0), prefix
    lines = lines_of(workers)
    assert set(lines["Client.run"]) >= {"block", "linger"}
    assert set(lines["Waiting.linger"]) == {"Waiting.linger"}
    assert "block" in lines["Waiting.block"]
    assert set(lines["slow_task"]) == {"linger"}, "where it waits, not where it was called"


def lines_of(batches: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """The innermost functions of user code, by prefix."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for batch in batches:
        for _, prefix, stack, wall, *_ in batch["samples"]:
            frames = [batch["frames"][frame] for frame in batch["stacks"][stack]]
            mine = [row for row in frames if batch["files"][row[0]][0] == call_tasks.__file__]
            if mine:
                found[batch["strings"][prefix]][batch["strings"][mine[-1][1]]] += wall
    return found


def test_methods_of_actors_begin_when_it_is_their_turn() -> None:
    events: list[tuple[str, str, bool]] = []

    async def scenario() -> None:
        gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

        async def actor_execute(**kwargs: Any) -> Any:
            await gates[kwargs["args"][0]].wait()
            return {"status": "error" if kwargs["args"][0] == "b" else "OK"}

        worker = SimpleNamespace(
            handlers={"actor_execute": actor_execute},
            state=SimpleNamespace(tasks={}, actors={"Thing-1": call_tasks.Waiting()}),
            executors={"actor": SimpleNamespace(_max_workers=1)},
        )

        def note(what: str) -> Any:
            return lambda _now, call: events.append((what, call.owner[1], call.failed))

        calls = Calls(worker, Guard("test"), note("begin"), note("end"))
        calls.install()
        assert worker.handlers["actor_execute"] is not actor_execute

        def execute(name: str) -> asyncio.Task[Any]:
            return asyncio.create_task(
                worker.handlers["actor_execute"](actor="Thing-1", function="block", args=(name,), kwargs={})
            )

        tasks = {name: execute(name) for name in "abc"}
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks["c"].cancel()  # before its turn: it never began
        for name in "ab":
            await asyncio.sleep(0)
            gates[name].set()
            await tasks[name]
        await asyncio.gather(tasks["c"], return_exceptions=True)
        calls.uninstall()
        assert worker.handlers["actor_execute"] is actor_execute

    asyncio.run(scenario())
    name = "Thing.block"
    assert events == [("begin", name, False), ("end", name, False), ("begin", name, False), ("end", name, True)]


def test_a_coroutine_is_looked_at_below_dasks_part() -> None:
    async def deepest() -> None:
        await asyncio.sleep(10)

    async def users() -> None:
        await deepest()

    async def runner() -> None:
        await users()

    marks = Landmarks(frozenset(), coroutines=frozenset([id(runner.__code__)]))
    resolver = Resolver(Classifier())

    async def scenario() -> Any:
        task = asyncio.create_task(runner())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = look_at_coroutine(task.get_coro(), None, marks, resolver.codes)
        task.cancel()
        return found

    found = asyncio.run(scenario())
    assert found is not None
    stack, part = found
    names = [resolver.frame(stack[at], stack[at + 1])[2].rpartition(".")[2] for at in range(0, len(stack), 2)]
    assert names == ["sleep", "deepest", "users"]
    assert part == ""


def test_a_finished_or_foreign_coroutine_is_nothing() -> None:
    async def over() -> None:
        pass

    done = over()
    asyncio.run(done)
    marks = landmarks(distributed.worker)
    assert len(marks.coroutines) == 3
    assert look_at_coroutine(done, sys._getframe(), marks, {}) is None
    assert look_at_coroutine(None, sys._getframe(), marks, {}) is None
