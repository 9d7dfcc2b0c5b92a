"""Programs with known seconds per line, on real workers: each line's share, exact books, and who asked.

One scheduler, a worker of its own for each program, two programs at a time. `LINEITEM_TRUTH_SECONDS=60` runs each for a minute, alone, and holds it to the promise.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import truth_programs
from agent_lab import Collector, Processes, check_books, environment
from dask.utils import key_split
from distributed import Client, wait
from truth_lab import FILE, Account, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SECONDS = float(os.environ.get("LINEITEM_TRUTH_SECONDS", "6"))
# What the product promises is measured over a minute, one program at a time on a quiet machine: `make truth`. In between, all that must be exact is
# checked, and shares against blunders only: a few seconds on a busy machine cannot tell more.
STRICT = SECONDS >= 60
RATE_HZ = 50 if STRICT else 100
POINTS = 2.0 if STRICT else 15.0
CLOSE = 0.05 if STRICT else 0.2

pytestmark = [pytest.mark.truth, pytest.mark.timeout(3600 if STRICT else 900)]
# What does not hold that, and why (docs/bill.md, section 3): all that happens within some 50 microseconds of a release of the GIL is charged to one
# side of it. That is much of a round of two milliseconds, and of a task of one, which begins and ends with a release.
WIDER = {"tight-mix": 10.0, "short-tasks": 12.0} if STRICT else {"tight-mix": 30.0}
HERE = Path(__file__).parent

Truth = dict[str, float]


class Cluster:
    """One scheduler, and the workers that programs ask for."""

    def __init__(self, collector: Collector, processes: Processes) -> None:
        self.collector = collector
        self.processes = processes

    def start(self, names: Mapping[str, dict[str, Any]]) -> None:
        for name, options in names.items():
            env = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", **options.get("env", {})}
            self.processes.worker(name, *options.get("options", ()), nthreads=options.get("nthreads", 4), env=env)

    @contextlib.contextmanager
    def client(self, names: list[str]) -> Iterator[Client]:
        """Connect once these workers are there."""
        with Client(self.processes.address, set_as_default=False) as client, client.as_current():
            deadline = time.monotonic() + 120
            while not set(names) <= {str(worker["name"]) for worker in workers_of(client).values()}:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield client

    @staticmethod
    def address(client: Client, name: str) -> str:
        [found] = [address for address, worker in workers_of(client).items() if str(worker["name"]) == name]
        return found


def workers_of(client: Client) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    return found


class Outcome:
    """What a program measured, and whose it was."""

    def __init__(self, prefix: str, truth: Truth, clients: list[str], **facts: Any) -> None:
        self.prefix = prefix
        self.truth = truth
        self.clients = clients
        self.facts = facts


def run_tasks(
    cluster: Cluster, name: str, function: Callable[..., Any], *args: Any, seconds: float = SECONDS
) -> Outcome:
    """Run a program in three tasks, one after the other."""
    with cluster.client([name]) as client:
        where = cluster.address(client, name)
        found = [
            client.submit(function, number, seconds / 3, *args, workers=where, pure=False).result()
            for number in range(3)
        ]
        return Outcome(function.__name__, total(found), [client.id])


def run_files(cluster: Cluster, name: str) -> Outcome:
    path = cluster.processes.tmp / "data.txt"
    path.write_bytes((b"x" * 79 + b"\n") * 250_000)
    return run_tasks(cluster, name, truth_programs.reads_files, str(path))


def run_native(cluster: Cluster, name: str) -> Outcome:
    outcome = run_tasks(cluster, name, truth_programs.native_threads)
    outcome.facts["native"] = outcome.truth.pop("native")
    return outcome


def run_actor(cluster: Cluster, name: str) -> Outcome:
    with cluster.client([name]) as client:
        where = cluster.address(client, name)
        actor: Any = client.submit(truth_programs.Actor, actor=True, workers=where).result()
        for _ in range(3):
            actor.work(SECONDS / 6, False).result()
            with pytest.raises(ValueError, match="may fail"):
                actor.work(SECONDS / 6, True).result()
        time.sleep(1)  # idle, though Dask's table of threads still holds the one that raised
        return Outcome("Actor.work", dict(actor.told().result()), [client.id], failed=3, done=3)


def run_failing(cluster: Cluster, name: str) -> Outcome:
    with cluster.client([name]) as client:
        where = cluster.address(client, name)
        for number in range(3):
            future = client.submit(truth_programs.failing, number, SECONDS / 3, workers=where, pure=False)
            wait(future)
            assert future.status == "error"
        kept = client.run(truth_programs.kept, workers=[where])[where]
        return Outcome("failing", kept, [client.id], failed=3, done=0)


def run_short(cluster: Cluster, name: str) -> Outcome:
    with cluster.client([name]) as client:
        where = cluster.address(client, name)
        measured = []
        end = time.monotonic() + SECONDS
        count = 0
        while time.monotonic() < end:
            found = client.gather(client.map(truth_programs.short_task, range(400), workers=where, pure=False))
            measured.append({"sum": sum(first for first, _ in found), "list": sum(second for _, second in found)})
            count += len(found)
        # What Dask measures of so short a task is partly its own: that is "elsewhere", not a line of the program.
        return Outcome("short_task", total(measured), [client.id], done=count, elsewhere=True)


def run_shared(cluster: Cluster, name: str) -> Outcome:
    """Two users whose tasks belong to one task group."""
    with cluster.client([name]) as first, cluster.client([name]) as second:
        where = cluster.address(first, name)
        count = 20
        futures: dict[str, list[Any]] = {first.id: [], second.id: []}
        for number in range(count):
            mine, seconds = ((first, 0.3), (second, 0.7))[number % 2]
            key = ("shared_work-0123", number)
            futures[mine.id].append(
                mine.submit(truth_programs.shared_work, number, seconds * SECONDS / count * 2, key=key, workers=where)
            )
        spent = {client.id: sum(client.gather(futures[client.id])) for client in (first, second)}
        return Outcome("shared_work", {"work": sum(spent.values())}, [first.id, second.id], by_client=spent)


def run_fused(cluster: Cluster, name: str) -> Outcome:
    import dask
    import dask.dataframe as dd
    import pandas as pd

    with cluster.client([name]) as client:
        where = cluster.address(client, name)
        meta = pd.DataFrame({"x": [0]})
        with dask.config.set({"dataframe.convert-string": False}):
            frame = dd.from_map(truth_programs.read_part, range(6), seconds=SECONDS / 10, meta=meta)
            frame = frame.map_partitions(truth_programs.clean_part, seconds=SECONDS / 15, meta=meta).optimize()
        keys = [key for key in frame.__dask_graph__() if isinstance(key, tuple)]
        done = client.persist(frame, workers=where)
        wait(done)
        kept = client.run(truth_programs.kept, workers=[where])[where]
        return Outcome(key_split(keys[0]), kept, [client.id], fused=True)


PROGRAMS: dict[str, tuple[Callable[[Cluster, str], Outcome], dict[str, Any]]] = {
    "holds-gil": (lambda c, n: run_tasks(c, n, truth_programs.holds_the_gil), {}),
    "sleeps": (lambda c, n: run_tasks(c, n, truth_programs.sleeps), {}),
    "releases-gil": (lambda c, n: run_tasks(c, n, truth_programs.releases_the_gil), {}),
    "coroutine": (lambda c, n: run_tasks(c, n, truth_programs.coroutine), {}),
    "plain-python": (lambda c, n: run_tasks(c, n, truth_programs.plain_python), {}),
    "subprocess": (lambda c, n: run_tasks(c, n, truth_programs.subprocesses), {}),
    "actor": (run_actor, {}),
    "seceded": (lambda c, n: run_tasks(c, n, truth_programs.steps_aside), {}),
    "failing": (run_failing, {}),
    "reads-files": (run_files, {}),
    "two-users": (run_shared, {}),
    # One at a time: threads that compete for the GIL leave the sampler few looks in a quarter of a minute.
    "fused": (run_fused, {"nthreads": 1}),
    "tight-mix": (lambda c, n: run_tasks(c, n, truth_programs.tight_mix, seconds=SECONDS), {}),
    "short-tasks": (run_short, {}),
    # Alone: it uses all cores.
    "native": (run_native, {}),
}


@pytest.fixture(scope="module", autouse=True)
def _path() -> Iterator[None]:
    """Let schedulers and workers find the programs."""
    with environment({"PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}):
        yield


@pytest.fixture(scope="module")
def truth(
    _path: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Collector, dict[str, Outcome]]]:
    """Run all programs, two at a time; what they say is looked at by the tests."""
    folder = tmp_path_factory.mktemp("truth")
    outcomes: dict[str, Outcome] = {}
    with Collector() as collector:
        collector.knobs |= {"rate_hz": RATE_HZ, "flush_seconds": 2}
        with Processes(folder, collector.url) as processes:
            cluster = Cluster(collector, processes)
            wanted = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
            names = [name for name in PROGRAMS if name in wanted]
            at_once = 1 if STRICT else 2
            pairs = [names[at : at + at_once] for at in range(0, len(names), at_once)]
            with ThreadPoolExecutor(2) as pool:
                for pair in pairs:
                    cluster.start({name: PROGRAMS[name][1] for name in pair})
                    with cluster.client(pair):
                        pass
                    runs = {name: pool.submit(PROGRAMS[name][0], cluster, name) for name in pair}
                    outcomes |= {name: run.result() for name, run in runs.items()}
                    for name in pair:
                        processes.terminate(name)
            processes.terminate("scheduler")
        yield collector, outcomes


def account_of(collector: Collector, name: str, prefix: str) -> Account:
    mine = [batch for batch in collector.of("worker") if f"-{name}-" in batch["process"]]
    check_books(mine)
    assert mine[-1]["final"]
    return Account(mine, prefix)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_line_gets_what_it_took(
    truth: tuple[Collector, dict[str, Outcome]],
    name: str,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    collector, outcomes = truth
    outcome = outcomes[name]
    account = account_of(collector, name, outcome.prefix)
    if outcome.facts.get("elsewhere"):
        outcome.truth["elsewhere"] = max(0.0, account.thread_us / 1e6 - sum(outcome.truth.values()))
    shares = account.errors(outcome.truth)
    health = [b["health"] for b in collector.of("worker") if f"-{name}-" in b["process"]]
    with capsys.disabled():
        told = "  ".join(f"{line} {exact:.1f}->{agent:.1f}" for line, (exact, agent) in shares.items())
        print(
            f"\n  {name:13} {told}  ({sum(h['ticks'] for h in health)} looks, {account.thread_us / 1e6:.1f} s)", end=""
        )
    record_property("shares", shares)

    # The submission is always right, whatever the sampler saw.
    rows = {row["id"]: row["client"] for row in collector.submissions()}
    assert {rows.get(submission) for submission in account.submissions} == set(outcome.clients)
    if "by_client" in outcome.facts:
        for client, seconds in outcome.facts["by_client"].items():
            mine = sum(us for submission, us in account.submissions.items() if rows[submission] == client)
            assert mine / 1e6 == pytest.approx(seconds, rel=CLOSE)
    for count in ("done", "failed"):
        if count in outcome.facts:
            assert getattr(account, count) == outcome.facts[count]
    if "native" in outcome.facts:
        with capsys.disabled():
            print(f"\n  {'':13} native {outcome.facts['native']:.2f} s -> {account.native_us / 1e6:.2f} s", end="")
        assert account.native_us / 1e6 == pytest.approx(outcome.facts["native"], rel=2 * CLOSE)
    if outcome.facts.get("fused"):
        for line, part in account.parts:
            if line in ("read", "clean"):
                assert part.startswith({"read": "read", "clean": "clean"}[line]), account.parts

    # What the lines took, and what the ledger says their thread took.
    assert account.thread_us / 1e6 == pytest.approx(sum(outcome.truth.values()), rel=CLOSE)
    wrong = {
        line: (exact, agent)
        for line, (exact, agent) in shares.items()
        if max(exact, agent) >= 10 and abs(exact - agent) > WIDER.get(name, POINTS)
    }
    if name == "short-tasks" and not STRICT:
        # In a few seconds whole windows of such tasks go by without a look, and no bound on shares would mean anything. What was seen must
        # still be the program's lines, in the order of what they took.
        seen = {line: agent for line, (_, agent) in shares.items() if line in outcome.truth}
        assert seen["sum"] > seen["list"] > 0, shares
        return
    assert not wrong, wrong


def test_a_killed_worker_leaves_what_it_had_reported_and_the_rest_is_open(tmp_path: Path) -> None:
    """Its last window is not final: the server prices what came after as lost, and does not call it idle."""
    with Collector() as collector:
        collector.knobs |= {"rate_hz": RATE_HZ, "flush_seconds": 1}
        with Processes(tmp_path, collector.url) as processes:
            cluster = Cluster(collector, processes)
            cluster.start({"killed": {"options": ("--no-nanny",)}, "other": {}})
            with cluster.client(["killed", "other"]) as client:
                where = cluster.address(client, "killed")
                future = client.submit(
                    truth_programs.sleeps, 0, 6.0, workers=[where], allow_other_workers=True, pure=False
                )
                begun = time.monotonic()
                collector.until(
                    lambda: account_so_far(collector, "killed", "sleeps").thread_us > 2_500_000,
                )
                ran = time.monotonic() - begun
                processes.running["killed"].send_signal(signal.SIGKILL)
                processes.running.pop("killed").wait(10)
                again = future.result(60)
            processes.terminate("other")
            processes.terminate("scheduler")
        killed = [batch for batch in collector.of("worker") if "-killed-" in batch["process"]]
        other = [batch for batch in collector.of("worker") if "-other-" in batch["process"]]
    check_books(killed)
    check_books(other)
    assert not any(batch["final"] for batch in killed)
    assert other[-1]["final"]
    first = Account(killed, "sleeps")
    assert 2.5 <= first.thread_us / 1e6 <= ran + 1
    assert (first.done, first.failed) == (0, 0)
    second = Account(other, "sleeps")
    assert second.done == 1
    assert second.thread_us / 1e6 == pytest.approx(sum(again.values()), rel=CLOSE)
    assert set(first.submissions) == set(second.submissions), "the same call pays for both"


def account_so_far(collector: Collector, name: str, prefix: str) -> Account:
    return Account([batch for batch in collector.of("worker") if f"-{name}-" in batch["process"]], prefix)


def test_a_paused_worker_is_idle_because_it_is_paused(tmp_path: Path) -> None:
    env = {
        "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "0.5",
        "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
        "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
    }
    with Collector() as collector:
        collector.knobs |= {"flush_seconds": 1}
        with Processes(tmp_path, collector.url) as processes:
            cluster = Cluster(collector, processes)
            cluster.start({"paused": {"env": env, "options": ("--memory-limit", "700MB")}})
            with cluster.client(["paused"]) as client:
                where = cluster.address(client, "paused")
                client.run(truth_programs.watch_pauses)
                held = client.submit(truth_programs.keep, 450_000_000, workers=where)
                wait(held)
                until_status(client, where, "paused")
                waiting = client.submit(truth_programs.shared_work, 0, 0.1, workers=where, pure=False)
                time.sleep(4)
                assert not waiting.done()
                del held
                until_status(client, where, "running")
                assert waiting.result(30)
                paused = client.run(truth_programs.pauses)[where]["paused"]
            processes.terminate("paused")
            processes.terminate("scheduler")
        batches = collector.of("worker")
    check_books(batches)
    idle: Counter[str] = Counter()
    for batch in batches:
        idle.update(batch["idle"])
    # When nothing runs the agent looks at the worker's state twice a second.
    assert paused > 3.5
    threads = batches[0]["nthreads"]
    assert idle["paused"] / 1e6 / threads == pytest.approx(paused, abs=1.2), idle


def until_status(client: Client, where: str, status: str) -> None:
    deadline = time.monotonic() + 30
    while workers_of(client)[where]["status"] != status:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_programs_lines_have_names() -> None:
    assert FILE.endswith("truth_programs.py")
    assert {"json", "sort", "numpy", "waits inside", "work"} <= set(truth_programs.labels().values())
