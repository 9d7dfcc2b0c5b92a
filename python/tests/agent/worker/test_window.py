from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

import msgpack
from agent_lab import check_books

from lineitem.agent.common._batch import MAX_BATCH_BYTES, Epoch, encode_source
from lineitem.agent.common._sources import read_source
from lineitem.agent.common._stacks import Classifier, Resolver
from lineitem.agent.worker._ledger import DONE, Ledger
from lineitem.agent.worker._window import encode_window

if TYPE_CHECKING:
    from pathlib import Path

RES = {"rss_bytes": 1, "managed_bytes": 2, "spilled_bytes": 3, "cpu_us": 4}
HEALTH = {"self_cpu_us": 5, "ticks": 1, "max_gap_us": 6, "dropped": 0, "errors": 0, "rate_hz": 10}


def encode(
    epoch: Epoch,
    ledger: Ledger,
    weights: dict[Any, list[int]],
    resolver: Resolver,
    *,
    now: int = 1_000,
    budget: int = 1 << 30,
) -> tuple[Any, set[str]]:
    window = ledger.close_window(now, "no_work", lambda _key, _entry: 0)
    encoded = encode_window(epoch, window, weights, resolver, final=False, budget=budget, res=RES, health=HEALTH)
    assert len(encoded.batch) <= min(MAX_BATCH_BYTES, encoded.full_size)
    return msgpack.unpackb(encoded.batch), encoded.user_files


def test_a_window_survives_the_journey() -> None:
    resolver = Resolver(Classifier())
    frame = sys._getframe()
    code = frame.f_code
    resolver.codes[id(code)] = code
    stack, here = (id(code), frame.f_lasti), frame.f_lineno
    epoch, ledger = Epoch("cl_test-w-0-1"), Ledger(2, 1_000)
    ledger.begin("k", (3, "clean", 9), 1_000)
    ledger.end("k", 1_500, 400, DONE)
    batch, users = encode(epoch, ledger, {((3, "clean", 9), "inner-abc", stack): [350, 100]}, resolver, now=2_000)
    second, _ = encode(epoch, ledger, {}, resolver, now=2_000)
    check_books([batch, second])
    assert (batch["v"], batch["kind"], batch["process"], batch["seq"], second["seq"]) == (
        1,
        "worker",
        "cl_test-w-0-1",
        0,
        1,
    )
    assert batch["epoch"] == second["epoch"]
    assert users == {__file__}
    assert batch["files"] == [[__file__, "u"]]
    [[submission, prefix, at, wall, cpu, origin, part]] = batch["samples"]
    assert (submission, batch["strings"][prefix], wall, cpu) == (3, "clean", 350, 100)
    assert (origin, batch["strings"][part - 1]) == (9, "inner-abc")
    [[file, function, line]] = [batch["frames"][number] for number in batch["stacks"][at]]
    assert batch["strings"][function].endswith("test_a_window_survives_the_journey")
    assert (file, line) == (0, here)
    assert batch["ledger"] == [[3, prefix, 500, 400, 1, 0, 9, 0]]


def test_instructions_on_one_line_are_one_stack() -> None:
    resolver = Resolver(Classifier())
    code = compile("a = 1; b = 2\nc = 3", "/home/ana/x.py", "exec")
    resolver.codes[1] = code
    offsets = [at for start, end, line in code.co_lines() if line in (1, 2) for at in range(start, end, 2)]
    weights = {((1, "f", 0), "", (1, at)): [10, 1] for at in offsets}
    batch, _ = encode(Epoch("p"), Ledger(1, 0), weights, resolver, now=1_000)
    assert len(offsets) > 2
    assert sorted(row[2] for row in batch["frames"]) == [1, 2]
    assert sum(row[3] for row in batch["samples"]) == 10 * len(weights)


def test_a_tight_budget_costs_depth_in_packages_and_nothing_of_the_users() -> None:
    resolver = Resolver(Classifier())
    places = ["/p/site-packages/dask/run.py", "/home/ana/a.py", "/p/site-packages/tqdm.py", "/home/ana/b.py"]
    places += [f"/p/site-packages/pandas/inner{number:03}.py" for number in range(20)]
    for number, place in enumerate(places):
        resolver.codes[number] = compile("x = 1", place, "exec")
    stack = tuple(part for number in reversed(range(len(places))) for part in (number, 0))
    packages_only = tuple(part for number in (14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 0) for part in (number, 0))
    weights = {((1, "f", 0), "", stack): [10, 5], ((1, "f", 0), "", packages_only): [3, 1]}
    depths = []
    for budget in range(3_000, 0, -50):
        batch, users = encode(Epoch("p"), Ledger(1, 0), weights, resolver, budget=budget)
        assert users == {"/home/ana/a.py", "/home/ana/b.py"}
        names = [[batch["files"][batch["frames"][at][0]][0] for at in numbers] for numbers in batch["stacks"]]
        without_user, with_user = sorted(names, key=lambda found: places[1] in found)
        below = len(with_user) - 4
        assert with_user == places[: 4 + below]
        assert without_user == [places[0], *places[4:15]][: 2 + below]
        assert sum(row[3] for row in batch["samples"]) == 13
        assert sum(row[4] for row in batch["samples"]) == 6
        depths.append(below)
    assert sorted(depths, reverse=True) == depths
    assert set(depths) == {20, 8, 4, 2}


def test_too_many_stacks_lose_samples_but_never_the_ledger() -> None:
    resolver = Resolver(Classifier())
    weights: dict[Any, list[int]] = {}
    for number in range(9_000):
        source = "\n" * (number % 50) + f"def function_{'x' * 150}_{number}(): pass"
        code = compile(source, f"/home/ana/{number}.py", "exec")
        resolver.codes[number] = code.co_consts[0]
        weights[(number, f"prefix-{number}", 0), "", (number, 0) * 3] = [number + 1, 0]
    ledger = Ledger(1, 0)
    for number in range(100):
        ledger.begin(number, (number, f"prefix-{number}", 0), number * 10)
        ledger.end(number, number * 10 + 10, None, DONE)
    batch, _ = encode(Epoch("p"), ledger, weights, resolver, now=1_000)
    check_books([batch])
    assert len(batch["ledger"]) == 100
    assert 0 < len(batch["samples"]) < 9_000
    assert batch["health"]["dropped"] == 9_000 - len(batch["samples"])
    assert max(row[3] for row in batch["samples"]) == 9_000, "the heaviest stay"


def test_file_names_that_are_no_text_do_not_stop_a_batch() -> None:
    resolver = Resolver(Classifier())
    resolver.codes[1] = compile("x = 1", "/home/\udce4na/x.py", "exec")
    batch, _ = encode(Epoch("p"), Ledger(1, 0), {((1, "f", 0), "", (1, 0)): [1, 1]}, resolver, now=10)
    assert batch["files"][0][0] == "/home/?na/x.py"


def test_windows_follow_the_monotonic_clock() -> None:
    epoch = Epoch("p")
    assert epoch.utc_us(2_000_000) - epoch.utc_us(1_000_000) == 1_000_000
    assert len(epoch.id) == 32


def test_sources_are_whole_files_of_user_code(tmp_path: Path) -> None:
    latin = tmp_path / "latin.py"
    latin.write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe4'\n")
    found = read_source(str(latin))
    assert found is not None
    assert found[1].endswith("'\xe4'\n")
    assert found[0] == hashlib.sha256(found[1].encode()).hexdigest()
    batch = msgpack.unpackb(encode_source(Epoch("p"), str(latin), *found))
    assert (batch["kind"], batch["file"], batch["text"]) == ("source", str(latin), found[1])
    large = tmp_path / "large.py"
    large.write_text("#" * (256 << 10) + "\n")
    broken = tmp_path / "broken.py"
    broken.write_bytes(b"\xff\xfe\x00")
    for file in (
        str(large),
        str(broken),
        "cell:123",
        "<stdin>",
        "relative.py",
        "/etc/passwd",
        str(tmp_path / "gone.py"),
    ):
        assert read_source(file) is None
