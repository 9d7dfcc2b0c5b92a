from __future__ import annotations

import asyncio
import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import msgpack
import pytest
from agent_lab import check_books

from lineitem.agent.common._batch import Epoch, encode_source
from lineitem.agent.common._guard import Guard
from lineitem.agent.common._stacks import Classifier, Resolver
from lineitem.agent.worker._ledger import DONE, Ledger
from lineitem.agent.worker._merge import merge
from lineitem.agent.worker._outbox import Outbox
from lineitem.agent.worker._window import encode_window

HEALTH = {"self_cpu_us": 5, "ticks": 2, "max_gap_us": 6, "dropped": 0, "errors": 0, "rate_hz": 10}


def set_constant(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    """Change a constant of the outbox's module where its methods look it up.

    That need not be the module: once the class has travelled by value within this process, its methods have globals of their own.
    """
    found = [function.__globals__ for function in vars(Outbox).values() if hasattr(function, "__globals__")]
    assert any(name in scope for scope in found)
    for scope in found:
        if name in scope:
            monkeypatch.setitem(scope, name, value)


def windows(seed: int, count: int) -> list[bytes]:
    """Windows of one epoch with random rows, samples and idle time."""
    dice = random.Random(seed)
    resolver = Resolver(Classifier())
    for number in range(6):
        resolver.codes[number] = compile("\n" * number + "x = 1", f"/home/ana/{number % 3}.py", "exec")
    epoch, ledger = Epoch("cl_test-w-0-1"), Ledger(dice.randint(1, 3), 0)
    made = []
    now = 0
    for at in range(count):
        for _ in range(dice.randint(0, 6)):
            owner = (dice.randint(0, 2), dice.choice(["read", "clean"]), dice.randint(0, 1))
            ledger.begin((at, now), owner, now)
            now += dice.randint(1, 1_000)
            ledger.advance(now)
            ledger.attribute_native(dice.randint(0, 500))
            ledger.attribute_idle(dice.choice(["no_work", "paused"]))
            if dice.random() < 0.8:
                ledger.end((at, now), now, None, DONE)
                for key in list(ledger.entries):
                    ledger.end(key, now, None, DONE)
        now += dice.randint(0, 1_000)
        samples: dict[Any, list[int]] = {
            (
                (dice.randint(0, 2), dice.choice(["read", "clean"]), dice.randint(0, 1)),
                dice.choice(["", "read-abc", "clean-def"]),
                (dice.randint(0, 5), 0, dice.randint(0, 5), 0),
            ): [dice.randint(1, 500), 0]
            for _ in range(dice.randint(0, 5))
        }
        window = ledger.close_window(now, "no_work", lambda _key, _entry: 10**9)
        res = {"rss_bytes": at, "rss_peak_bytes": 10 - at, "cpu_us": 7, "gpus": [{"uuid": "GPU-1", "util_us": 3}]}
        encoded = encode_window(
            epoch,
            window,
            samples,
            resolver,
            final=at == count - 1,
            budget=1 << 20,
            res=res,
            software={"environment": "e", "imported": [f"m{at}"]},
            health=HEALTH,
        )
        made.append(encoded.batch)
    return made


def contents(batches: list[bytes]) -> Counter[Any]:
    """Everything that must not change, spelt out."""
    found: Counter[Any] = Counter()
    for packed in batches:
        batch = msgpack.unpackb(packed)
        names = batch["strings"]
        for submission, prefix, *values, origin, native in batch["ledger"]:
            for at, value in enumerate((*values, native)):
                found["row", submission, names[prefix], origin, at] += value
        for submission, prefix, stack, wall, cpu, origin, part in batch["samples"]:
            frames = tuple(
                (batch["files"][file][0], names[function], line)
                for file, function, line in (batch["frames"][frame] for frame in batch["stacks"][stack])
            )
            found["sample", submission, names[prefix], frames, origin, names[part - 1] if part else ""] += wall + cpu
        for reason, us in batch["idle"].items():
            found["idle", reason] += us
        found["cpu"] += batch["res"]["cpu_us"]
        found["gpu"] += batch["res"]["gpus"][0]["util_us"]
        found["ticks"] += batch["health"]["ticks"]
        found.update(("imported", name) for name in batch["software"]["imported"])
    return +found


@pytest.mark.parametrize("seed", range(30))
def test_merging_keeps_every_microsecond(seed: int) -> None:
    first, second, third = windows(seed, 3)
    two = merge(first, second)
    assert two is not None
    one = merge(two, third)
    assert one is not None
    check_books([msgpack.unpackb(two), msgpack.unpackb(third)])
    check_books([msgpack.unpackb(one)])
    assert contents([one]) == contents([two, third]) == contents([first, second, third])
    last, merged = msgpack.unpackb(third), msgpack.unpackb(one)
    assert (merged["seq"], merged["final"], merged["t1_us"]) == (last["seq"], True, last["t1_us"])
    assert merged["t0_us"] == msgpack.unpackb(first)["t0_us"]
    assert (merged["res"]["rss_bytes"], merged["res"]["rss_peak_bytes"]) == (2, 10)


def test_what_does_not_join_stays_apart() -> None:
    first, second, third = windows(1, 3)
    source = encode_source(Epoch("p"), "/home/ana/x.py", "0" * 64, "x")
    assert merge(first, third) is None
    assert merge(second, first) is None
    assert merge(source, first) is None
    assert merge(first, source) is None
    assert merge(windows(1, 1)[0], second) is None, "another epoch"


def test_a_full_outbox_merges_before_it_drops_and_never_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler is away: it never answers, and may have what was sent to it once."""

    async def report(**_: Any) -> Any:
        await asyncio.sleep(60)

    made = windows(3, 60)
    total = sum(map(len, made))

    async def scenario() -> list[bytes]:
        worker = SimpleNamespace(scheduler=SimpleNamespace(lineitem_report=report))
        outbox = Outbox(worker, Guard("test"), lambda _reply: None)
        set_constant(monkeypatch, "_REPORT_TIMEOUT_S", 0.01)
        set_constant(monkeypatch, "_REPORT_BYTES", total // 20)
        for batch in made:
            outbox.put(batch)
        await outbox.send()
        assert len(outbox) == 60
        set_constant(monkeypatch, "_OUTBOX_BYTES", int(total * 0.8))
        left = outbox.take_all()
        assert outbox.dropped == 0
        return left

    left = asyncio.run(scenario())
    assert len(left) < 50
    assert left[0] == made[0], "sent once"
    assert contents(left) == contents(made)
    books = [msgpack.unpackb(batch) for batch in left]
    check_books(books)
    assert [batch["seq"] for batch in books] == sorted({batch["seq"] for batch in books})
