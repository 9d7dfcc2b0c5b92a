from __future__ import annotations

import random
import threading
from typing import Any

import msgpack

from lineitem.agent.scheduler._queue import BatchQueue, slim


def worker_batch(seq: int, *, samples: int = 300, prefixes: int = 3) -> dict[str, Any]:
    """A batch of the size that a busy worker sends."""
    names = [f"a rather long name of a function number {n}" for n in range(60)]
    prefix_names = [f"prefix-{n}" for n in range(prefixes)]
    strings = [*names, *prefix_names]
    return {
        "v": 1,
        "kind": "worker",
        "process": "cl_1-w-0-1",
        "epoch": "e" * 32,
        "seq": seq,
        "final": False,
        "t0_us": 1_700_000_000_000_000 + seq * 5_000_000,
        "t1_us": 1_700_000_000_000_000 + (seq + 1) * 5_000_000,
        "nthreads": 2,
        "strings": strings,
        "files": [[f"/home/ana/project/module_{n}.py", "u"] for n in range(20)],
        "frames": [[n % 20, n % 60, n] for n in range(200)],
        "stacks": [list(range(n, n + 20)) for n in range(100)],
        "ledger": [[1, 60 + n, 1_000_000, 900_000, 3, 0, 7, 1_000] for n in range(prefixes)],
        "samples": [[1, 60 + n % prefixes, n % 100, 50_000, 40_000, 7, 0] for n in range(samples)],
        "idle": {"no_work": 10_000_000 - prefixes * 1_001_000},
        "cum": {"capacity_us": 1},
        "software": {"environment": "f" * 64, "imported": ["pandas"]},
        "health": {"errors": 0},
    }


def packed(seq: int, **more: int) -> bytes:
    made: bytes = msgpack.packb(worker_batch(seq, **more))
    return made


def test_a_slim_batch_says_the_same_of_time_and_money() -> None:
    before = worker_batch(0)
    after = msgpack.unpackb(slim(msgpack.packb(before)))
    for name, value in after.items():
        if name in ("samples", "stacks", "frames", "files"):
            assert value == []
        elif name not in ("strings", "ledger"):
            assert value == before[name], name
    assert [[row[0], before["strings"][row[1]], *row[2:]] for row in before["ledger"]] == [
        [row[0], after["strings"][row[1]], *row[2:]] for row in after["ledger"]
    ]
    assert after["strings"] == ["prefix-0", "prefix-1", "prefix-2"]
    assert len(slim(packed(0))) < len(packed(0)) / 10


def test_whatever_else_stays_as_it_is() -> None:
    rng = random.Random(4)
    noise = [rng.randbytes(rng.randrange(200)) for _ in range(300)]
    maimed = bytearray(packed(0))
    broken = []
    for _ in range(300):
        copy = bytearray(maimed)
        copy[rng.randrange(len(copy))] = rng.randrange(256)
        broken.append(bytes(copy[: rng.randrange(1, len(copy))]))
    others: list[Any] = [
        {"kind": "source", "text": "x" * 1000},
        {"kind": "scheduler", "samples": [1]},
        {"kind": "worker"},
        {"kind": "worker", "samples": [1], "ledger": [[1, 99]], "strings": []},
        {"kind": "worker", "samples": [1], "ledger": 7, "strings": []},
        [],
        None,
    ]
    for batch in [*noise, *broken, *map(msgpack.packb, others)]:
        assert slim(batch) == batch
    lean = slim(packed(0))
    assert slim(lean) is lean


def test_a_full_queue_drops_the_oldest() -> None:
    queue = BatchQueue(limit=100)
    for number in range(6):
        queue.put(bytes([number]) * 30)
    assert queue.dropped == 3
    assert queue.size == 90
    assert [one[0] for one in queue.peek(1_000, 10)] == [3, 4, 5]
    assert [one[0] for one in queue.peek(1, 10)] == [3], "one always goes"
    parcel = queue.peek(1_000, 2)
    queue.put(b"z" * 30)  # pushes out what is on its way
    queue.remove(parcel)
    assert [one[:1] for one in queue.peek(1_000, 10)] == [b"\x05", b"z"]
    assert queue.size == 60


def test_ten_minutes_of_fifty_busy_workers_fit() -> None:
    """The server is away for ten minutes: no batch is lost, the newest keep their detail, memory is bounded."""
    queue = BatchQueue()
    size = total = 0
    for report in range(120):
        for _ in range(50):
            batch = packed(report)
            total += len(batch)
            queue.put(batch)
        for _ in range(5):  # once a second, as the transport's thread does
            queue.relieve()
        size = max(size, queue.size)
    assert total > 2 * 16 << 20
    assert size <= 16 << 20
    assert len(queue) == 6_000
    assert queue.dropped == 0
    left = [msgpack.unpackb(batch) for batch in queue.peek(1 << 30, 10_000)]
    assert [batch["seq"] for batch in left] == [report for report in range(120) for _ in range(50)]
    assert all(len(batch["ledger"]) == 3 for batch in left)
    rich = [bool(batch["samples"]) for batch in left]
    assert rich == sorted(rich), "detail goes from the oldest first"
    assert queue.slimmed == rich.count(False) > 0
    assert rich[-1]


def test_a_queue_that_overflows_all_the_same_loses_the_oldest_and_counts_them() -> None:
    queue = BatchQueue(limit=40_000)
    for seq in range(500):
        queue.put(packed(seq))
        queue.relieve()
    assert queue.size <= 40_000
    assert queue.dropped == 500 - len(queue)
    left = [msgpack.unpackb(batch)["seq"] for batch in queue.peek(1 << 30, 10_000)]
    assert left == list(range(500 - len(queue), 500))


def test_putting_and_relieving_at_once_keeps_the_sum() -> None:
    queue = BatchQueue(limit=600_000)
    done = threading.Event()

    def relieve() -> None:
        while not done.is_set():
            queue.relieve()
            queue.remove(queue.peek(5_000, 1))

    thread = threading.Thread(target=relieve)
    thread.start()
    for seq in range(2_000):
        queue.put(packed(seq, samples=50))
    done.set()
    thread.join(30)
    assert queue.size == sum(map(len, queue.peek(1 << 30, 10_000)))
    assert 0 <= queue._looked_at <= len(queue)
    queue.clear()
    assert (queue.size, len(queue)) == (0, 0)
