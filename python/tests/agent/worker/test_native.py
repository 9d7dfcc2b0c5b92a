from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import zlib

import pytest

from lineitem.agent.worker._native import NativeCpu
from lineitem.agent.worker._sampler import CpuClocks

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the CPU time of another thread")

NUMPY = """
import os, threading, time
os.environ["OPENBLAS_NUM_THREADS"] = "2"
import numpy as np
from lineitem.agent.worker._native import NativeCpu
from lineitem.agent.worker._sampler import CpuClocks
native = NativeCpu(object(), CpuClocks())
native.take_us((), 0, 1, running=False)
said = []
def work():
    square = np.random.random((700, 700))
    process, own = time.process_time(), time.thread_time()
    for _ in range(40):
        square @ square
    said.append(time.process_time() - process - (time.thread_time() - own))
thread = threading.Thread(target=work, name="w-Dask-Default-Threads-1")
thread.start()
total, last = 0, time.monotonic()
while True:
    alive = thread.is_alive()
    time.sleep(0.05)
    now = time.monotonic()
    total += native.take_us((), 0, int((now - last) * 1e6), running=True)
    last = now
    if not alive:
        break
print(total / 1e6, said[0])
"""


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        zlib.crc32(b"x" * 1_000_000)


@linux
def test_threads_of_blas_are_native() -> None:
    out = subprocess.run([sys.executable, "-c", NUMPY], capture_output=True, text=True, check=True).stdout
    told, truth = map(float, out.split())
    # The agent's own looks are part of it here, and the last moments of the thread are not.
    assert told == pytest.approx(truth, rel=0.3, abs=0.1)


@linux
def test_threads_that_are_accounted_for_are_not_native_and_those_of_tasks_are() -> None:
    native = NativeCpu(object(), CpuClocks())
    native.take_us((), threading.get_ident(), 1, running=True)
    own = threading.Thread(target=burn, args=(0.3,), name="w-0-Dask-Default-Threads-7")
    own.start()
    time.sleep(0.1)
    first = native.take_us((), threading.get_ident(), 100_000, running=True)
    own.join()
    second = native.take_us((), threading.get_ident(), 10_000_000, running=True)
    assert first < 30_000
    assert second == 0, "a thread that has ended may have done it all"
    theirs = threading.Thread(target=burn, args=(0.3,), name="users-thread")
    theirs.start()
    theirs.join()
    native._carried_us = 0
    assert native.take_us((), threading.get_ident(), 300_000, running=True) > 200_000


@linux
def test_nothing_is_native_when_nothing_runs_or_workers_share_a_process() -> None:
    native = NativeCpu(object(), CpuClocks())
    native.take_us((), threading.get_ident(), 1, running=False)
    theirs = threading.Thread(target=burn, args=(0.1,))
    theirs.start()
    theirs.join()
    assert native.take_us((), threading.get_ident(), 300_000, running=False) == 0
    assert native.take_us((), threading.get_ident(), 300_000, running=True) < 50_000

    class Worker:
        _instances = (1, 2)

    shared = NativeCpu(Worker(), CpuClocks())
    shared.take_us((), 0, 1, running=True)
    burn(0.05)
    assert shared.take_us((), 0, 100_000, running=True) == 0


@linux
def test_clocks_of_other_processes_are_not_read() -> None:
    clocks = CpuClocks()
    assert clocks.total_ns(os.getppid()) is None
    assert clocks.total_ns(threading.get_native_id())
