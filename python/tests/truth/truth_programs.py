"""Programs that know how long each of their lines took. A comment `# = name` says which lines belong to what was timed.

Each is importable on workers, runs for about as long as asked for, and returns the seconds of each name. The statement
that reads the clock belongs to the line before it: that is where the interpreter may stop to let the sampler look.

Most lines take some tenths of a second at a time, so that chance is small after a quarter of a minute. `tight_mix` and
`short_task` are as quick as they come, and run longer.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from distributed import secede

Spent = dict[str, float]

clock = time.perf_counter
TEXT = json.dumps([{"a": i, "b": str(i)} for i in range(120_000)])
WORDS = [str((i * 7_919) % 1_000_003) for i in range(120_000)]
BLOB = TEXT.encode() * 2
SMALL = np.arange(700_000.0)
SQUARE = np.random.default_rng(1).random((900, 900))

# What programs measured that cannot return it: those that fail, and those whose tasks are made by Dask.
KEPT: Spent = defaultdict(float)


def spin(seconds: float) -> None:
    end = clock() + seconds
    while clock() < end:
        pass


def holds_the_gil(_number: int, seconds: float) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        [json.loads(TEXT) for _ in range(4)]  # = json
        b = clock()  # = json
        spent["json"] += b - a  # = json
        [sorted(WORDS) for _ in range(6)]  # = sort
        a = clock()  # = sort
        spent["sort"] += a - b  # = sort
        spin(0.3)  # = python
        b = clock()  # = python
        spent["python"] += b - a  # = python
        a = b  # = python
    return spent


def releases_the_gil(_number: int, seconds: float) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        [zlib.compress(BLOB[:2_000_000], 3) for _ in range(8)]  # = compress
        b = clock()  # = compress
        spent["compress"] += b - a  # = compress
        [zlib.crc32(BLOB) for _ in range(40)]  # = checksum
        a = clock()  # = checksum
        spent["checksum"] += a - b  # = checksum
        spin(0.3)  # = python
        b = clock()  # = python
        spent["python"] += b - a  # = python
        a = b  # = python
    return spent


def plain_python(_number: int, seconds: float) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        [i * i for i in range(4_000_000)]  # = squares
        b = clock()  # = squares
        spent["squares"] += b - a  # = squares
        {i: str(i) for i in range(800_000)}  # = names
        a = clock()  # = names
        spent["names"] += a - b  # = names
        sum(i for i in range(3_000_000))  # = sum
        b = clock()  # = sum
        spent["sum"] += b - a  # = sum
        a = b  # = sum
    return spent


def sleeps(_number: int, seconds: float) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        for _ in range(9):  # = short
            time.sleep(0.03)  # = short
        b = clock()  # = short
        spent["short"] += b - a  # = short
        time.sleep(0.45)  # = long
        a = clock()  # = long
        spent["long"] += a - b  # = long
        spin(0.3)  # = python
        b = clock()  # = python
        spent["python"] += b - a  # = python
        a = b  # = python
    return spent


def reads_files(_number: int, seconds: float, path: str) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        content = b"".join([Path(path).read_bytes() for _ in range(30)][:1])  # = read
        b = clock()  # = read
        spent["read"] += b - a  # = read
        [content.decode("latin-1").splitlines() for _ in range(5)]  # = decode
        a = clock()  # = decode
        spent["decode"] += a - b  # = decode
        [zlib.crc32(content) for _ in range(12)]  # = checksum
        b = clock()  # = checksum
        spent["checksum"] += b - a  # = checksum
        spin(0.2)  # = python
        a = clock()  # = python
        spent["python"] += a - b  # = python
    return spent


def beyond_python() -> float:
    """CPU seconds of this process that no thread of Python has used."""
    clocks = [time.pthread_getcpuclockid(thread.ident) for thread in threading.enumerate() if thread.ident]
    return time.process_time() - sum(map(time.clock_gettime, clocks))


def native_threads(_number: int, seconds: float) -> Spent:
    """Also how much CPU the process used beyond this thread, as `native`."""
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    before = beyond_python()
    a = clock()
    while a < end:
        for _ in range(4):  # = matmul
            SQUARE @ SQUARE  # = matmul
        b = clock()  # = matmul
        spent["matmul"] += b - a  # = matmul
        spin(0.3)  # = python
        a = clock()  # = python
        spent["python"] += a - b  # = python
    spent["native"] = beyond_python() - before
    return spent


def subprocesses(_number: int, seconds: float) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        subprocess.run([sys.executable, "-S", "-c", "sum(range(20_000_000))"], check=True)  # = child
        b = clock()  # = child
        spent["child"] += b - a  # = child
        spin(0.3)  # = python
        a = clock()  # = python
        spent["python"] += a - b  # = python
    return spent


async def coroutine(_number: int, seconds: float) -> Spent:
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        await asyncio.sleep(0.4)  # = waits
        b = clock()  # = waits
        spent["waits"] += b - a  # = waits
        await inner()
        a = clock()
        spent["waits inside"] += a - b
        spin(0.3)  # = python
        b = clock()  # = python
        spent["python"] += b - a  # = python
        a = b  # = python
    return spent


async def inner() -> None:
    await asyncio.sleep(0.3)  # = waits inside


class Actor:
    def __init__(self) -> None:
        self.spent: Spent = defaultdict(float)

    def work(self, seconds: float, fails: bool) -> None:
        end = clock() + seconds
        a = clock()
        while a < end:
            [sorted(WORDS) for _ in range(6)]  # = sort
            b = clock()  # = sort
            self.spent["sort"] += b - a  # = sort
            time.sleep(0.3)  # = sleep
            a = clock()  # = sleep
            self.spent["sleep"] += a - b  # = sleep
        if fails:
            raise ValueError("an actor's method may fail")

    def told(self) -> Spent:
        return self.spent


def steps_aside(number: int, seconds: float) -> Spent:
    secede()
    return sleeps(number, seconds)


def failing(_number: int, seconds: float) -> None:
    end = clock() + seconds
    a = clock()
    while a < end:
        [sorted(WORDS) for _ in range(6)]  # = sort
        b = clock()  # = sort
        KEPT["sort"] += b - a  # = sort
        time.sleep(0.3)  # = sleep
        a = clock()  # = sleep
        KEPT["sleep"] += a - b  # = sleep
    raise ValueError("as it should")


def short_task(_number: int) -> tuple[float, float]:
    a = clock()
    sum(range(20_000))  # = sum
    b = clock()  # = sum
    [i for i in range(5_000)]  # = list  # noqa: C416 - a line with work of its own
    c = clock()  # = list
    return b - a, c - b


def tight_mix(_number: int, seconds: float) -> Spent:
    """The case that misled the sampler: in each round of some milliseconds one line releases the GIL, the others hold it."""
    spent: Spent = defaultdict(float)
    end = clock() + seconds
    a = clock()
    while a < end:
        sum(range(60_000))  # = sum
        b = clock()  # = sum
        spent["sum"] += b - a  # = sum
        [i for i in range(25_000)]  # = list  # noqa: C416 - a line with work of its own
        a = clock()  # = list
        spent["list"] += a - b  # = list
        np.sqrt(SMALL)  # = numpy
        b = clock()  # = numpy
        spent["numpy"] += b - a  # = numpy
        a = b  # = numpy
    return spent


def shared_work(_number: int, seconds: float) -> float:
    a = clock()
    spin(seconds)  # = work
    return clock() - a


def read_part(number: int, seconds: float) -> Any:
    import pandas as pd

    end = clock() + seconds
    a = clock()
    while a < end:
        [sorted(WORDS) for _ in range(6)]  # = read
        b = clock()  # = read
        KEPT["read"] += b - a  # = read
        a = b  # = read
    return pd.DataFrame({"x": [number]})


def clean_part(frame: Any, seconds: float) -> Any:
    end = clock() + seconds
    a = clock()
    while a < end:
        spin(0.01)  # = clean
        b = clock()  # = clean
        KEPT["clean"] += b - a  # = clean
        a = b  # = clean
    return frame


PAUSED: Spent = defaultdict(float)


def watch_pauses(dask_worker: Any) -> None:
    """Note, from now on, for how long a worker is paused."""

    def watch() -> None:
        last = clock()
        while True:
            time.sleep(0.02)
            now = clock()
            PAUSED[dask_worker.status.name] += now - last
            last = now

    threading.Thread(target=watch, daemon=True).start()


def pauses() -> Spent:
    return dict(PAUSED)


def keep(size: int) -> bytes:
    return bytes(bytearray(size))


def kept() -> dict[str, float]:
    found = dict(KEPT)
    KEPT.clear()
    return found


def labels() -> dict[int, str]:
    lines = Path(__file__).read_text().splitlines()
    return {
        number: line.split("# = ")[1].split("  #")[0].strip()
        for number, line in enumerate(lines, 1)
        if "# = " in line and not line.startswith('"""')
    }
