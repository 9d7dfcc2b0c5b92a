"""Run TPC-H queries watched and unwatched, fused and not: results must be equal, and each task's origin in its own query.

The queries may be anybody's: a module with functions ``query_NN(dataset_path, fs, scale)`` that return what to compute::

    python bench/tpch/check.py                                  # ours
    python bench/tpch/check.py /path/to/dask_queries.py --scale 0.1
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "python" / "tests" / "agent")]

import attribution  # noqa: E402
import generate  # noqa: E402
import pandas as pd  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTLE_S = 6
NO_AGENT = "def dask_setup(scheduler):\n    pass\n"


def load(path: Path) -> Any:
    """Load the module of queries from a file."""
    spec = importlib.util.spec_from_file_location("tpch_queries", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tpch_queries"] = module
    spec.loader.exec_module(module)
    return module


def names_of(module: Any) -> list[str]:
    """List the queries of a module."""
    return sorted(name for name in dir(module) if name.startswith("query_"))


def run(options: argparse.Namespace) -> None:
    """Run all queries of a module on a cluster: what this program starts itself for."""
    from distributed import Client

    import lineitem
    from lineitem.origins import _hooks

    module = load(options.module)
    results = {}
    with Client(options.run) as client:
        client.wait_for_workers(1, timeout=120)
        begin = time.process_time()
        for name in names_of(module):
            with lineitem.tag(query=name):
                made = getattr(module, name)(f"{options.data}/", options.filesystem or None, options.scale)
                results[name] = (made.optimize(fuse=True) if options.fuse else made).compute()
        cpu = time.process_time() - begin
        capture = _hooks.capture
        level = lineitem.origins.level()
        figures = {"cpu_s": cpu, "calls": capture.calls, "cost": capture.cost, "errors": capture.errors, "level": level}
    options.out.write_bytes(pickle.dumps((results, figures)))


def same(one: Any, other: Any) -> bool:
    """Tell whether two results are the same, but for the order of rows that nothing was said about."""

    def ordered(value: Any) -> Any:
        frame = (
            value.to_frame()
            if isinstance(value, pd.Series)
            else pd.DataFrame({"value": [value]})
            if pd.api.types.is_scalar(value)
            else value
        )
        flat = frame.reset_index(drop=True)
        return flat.sort_values(list(flat.columns), ignore_index=True)

    try:
        # Sums of parts that arrive in another order differ in their last digits, in any two runs.
        pd.testing.assert_frame_equal(ordered(one), ordered(other), rtol=1e-9)
    except AssertionError:
        return False
    return True


def start(
    options: argparse.Namespace, address: str, out: Path, *, fuse: bool, watched: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the queries in a process of their own and return results and figures."""
    env = {**os.environ, "DASK_DISTRIBUTED__DIAGNOSTICS__COMPUTATIONS__NFRAMES": "2"}
    if not watched:
        env["LINEITEM_ORIGINS"] = "off"
    command = [sys.executable, str(HERE / "check.py"), str(options.module), "--run", address, "--out", str(out)]
    command += ["--data", str(options.data), "--scale", str(options.scale), "--filesystem", options.filesystem]
    subprocess.run([*command, *(["--fuse"] if fuse else [])], check=True, env=env)
    results, figures = pickle.loads(out.read_bytes())
    return results, figures


def report(title: str, verdict: attribution.Verdict, figures: dict[str, Any], differing: Iterable[str]) -> bool:
    """Print what was found; tell whether it is all right."""
    differing = list(differing)
    print(f"\n{title}")
    print(f"  results that differ      {', '.join(differing) or 'none'}")
    print(f"  tasks                    {verdict.tasks:,} in {verdict.thread_us / 1e6:.1f} s of thread-time")
    print(
        f"  origins found by         {', '.join(f'{level} {count:,}' for level, count in verdict.levels.most_common())}"
    )
    print(f"  thread-time unmapped     {100 * verdict.unmapped:.2f} %")
    print(f"  outside of their query   {len(verdict.outside)}")
    print(f"  recognised by their name {verdict.recognised}, of these with a wrong statement: {len(verdict.wrong)}")
    print(
        f"  client                   {figures['cpu_s']:.1f} s CPU, {figures['calls']} hooks of {figures['cost'][0]:.1f} us, "
        f"{100 * figures['cost'][1]:.0f} % of the constructors, {figures['level']}"
    )
    for line in [*verdict.outside[:20], *verdict.wrong[:20]]:
        print(f"    {line}")
    return (
        not differing
        and not verdict.outside
        and not verdict.wrong
        and verdict.unmapped < 0.01
        and not figures["errors"]
    )


def check(options: argparse.Namespace) -> bool:
    """Run everything and report."""
    from agent_lab import Collector, Processes

    source = options.module.read_text()
    good = True
    with tempfile.TemporaryDirectory(prefix="lineitem-") as name:
        folder = Path(name)
        if options.data is None:
            options.data = folder / "data"
            generate.generate(options.data, options.scale)
        for fuse in (False, True):
            home = folder / f"plain-{fuse}"
            home.mkdir()
            with Processes(home, "", preload=NO_AGENT) as plain:
                plain.worker("w-0", env={"LINEITEM_AGENT": "off"})
                expected, before = start(options, plain.address, home / "out", fuse=fuse, watched=False)
            home = folder / f"watched-{fuse}"
            home.mkdir()
            with Collector() as collector, Processes(home, collector.url) as processes:
                processes.worker("w-0")
                found, figures = start(options, processes.address, home / "out", fuse=fuse, watched=True)
                time.sleep(SETTLE_S)
                processes.terminate("w-0")
                processes.terminate("scheduler")
            verdict = attribution.judge(collector.batches, source)
            differing = [query for query in expected if not same(expected[query], found[query])]
            title = "Fused by optimize(fuse=True)" if fuse else "As written"
            good = report(title, verdict, figures, differing) and good
            print(f"  client unwatched         {before['cpu_s']:.1f} s CPU")
    return good


def main() -> int:
    """Check what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", type=Path, nargs="?", default=HERE / "queries.py", help="the module of queries")
    parser.add_argument("--data", type=Path, help="folder of the tables; else they are made")
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--filesystem", default="arrow", help="of read_parquet; '' for Dask's default")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fuse", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.module = options.module.resolve()
    if options.run:
        run(options)
        return 0
    return 0 if check(options) else 1


if __name__ == "__main__":
    sys.exit(main())
