"""Looking at a real GPU that does a known share of work: what the replays of ``test_nvml`` cannot say.

Work comes from PyTorch or CuPy, whichever is there. The tests ask for a device with nothing else on it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from lineitem.agent.worker._nvml import GpuWatch, Nvml, find_devices, may_have_gpus, open_library

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not may_have_gpus(), reason="there is no GPU here")]

SECOND = 1_000_000


@pytest.fixture(scope="module")
def torch() -> Any:
    torch = pytest.importorskip("torch")
    torch.zeros(1, device="cuda")  # the context's memory and the library's loading are before the looks
    return torch


def busy(torch: Any, size: int) -> Callable[[float], None]:
    """Return what multiplies matrices for some seconds: small ones occupy few multiprocessors, large ones all."""
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)

    def run(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for _ in range(20):
                torch.mm(a, a)
            torch.cuda.synchronize()

    return run


def watched(work: Callable[[], None]) -> tuple[dict[str, Any], GpuWatch, float]:
    """Return what a watch says of the device while work is done, the watch, and the seconds it took."""
    watching = GpuWatch()
    watching.start()
    while not watching.window():
        time.sleep(0.01)
    time.sleep(1.1)  # a first look, which stands for no time
    watching.window()
    watching.take_cost_us()
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    time.sleep(0.2)
    (gpu, *_) = watching.window()
    watching.stop()
    return gpu, watching, seconds


def test_use_is_the_share_of_time_with_kernels(torch: Any) -> None:
    run = busy(torch, 8192)
    run(1)

    def work() -> None:
        for _ in range(5):
            run(3)
            time.sleep(2)

    gpu, watching, seconds = watched(work)
    print(f"\n  60 % of {seconds:.1f} s: {gpu}; the looks took {watching.take_cost_us() / seconds / 1e4:.3f} % of a core")
    assert abs(gpu["observed_us"] / SECOND - seconds) < 2
    assert 0.5 < gpu["util_us"] / gpu["observed_us"] < 0.7
    assert 0.2 < gpu["idle_us"] / gpu["observed_us"] < 0.5
    # Multiplying large matrices keeps nearly all multiprocessors busy.
    if "sm_us" in gpu:
        assert 0.45 < gpu["sm_us"] / gpu["observed_us"] < 0.65
    assert gpu["energy_mj"] / 1000 / seconds < 1500


def test_a_kernel_that_fills_a_corner_is_seen_as_such(torch: Any) -> None:
    run = busy(torch, 128)
    run(1)
    gpu, _, seconds = watched(lambda: run(10))
    print(f"\n  small matrices for {seconds:.1f} s: {gpu}")
    assert gpu["util_us"] / gpu["observed_us"] > 0.5, "some kernel ran most of the time"
    if "sm_us" not in gpu:
        pytest.skip("this device does not count busy multiprocessors")
    assert gpu["sm_us"] / gpu["observed_us"] < 0.2, "and nearly all of the device was idle"


def test_memory_and_idleness(torch: Any) -> None:
    def work() -> None:
        block = torch.empty(4 << 30, dtype=torch.uint8, device="cuda")
        time.sleep(4)
        del block
        torch.cuda.empty_cache()

    gpu, _, _ = watched(work)
    print(f"\n  4 GiB held, nothing done: {gpu}")
    assert 4 << 30 < gpu["memory_peak_bytes"] < 12 << 30
    assert gpu["idle_us"] > 0.7 * gpu["observed_us"]


def test_energy_is_what_the_power_adds_up_to(torch: Any) -> None:
    nvml = Nvml(open_library())
    (device, *_) = find_devices(nvml, {})
    readings: list[tuple[float, float]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.05):
            readings.append((time.perf_counter(), nvml.power_mw(device._handle)))

    thread = threading.Thread(target=read)
    run = busy(torch, 8192)
    thread.start()
    gpu, _, seconds = watched(lambda: run(15))
    stop.set()
    thread.join()
    end = readings[-1][0] - 0.2
    during = [mw for at, mw in readings if end - seconds <= at <= end]
    by_power = sum(during) / len(during) * seconds
    print(f"\n  {gpu['energy_mj'] / 1e6:.2f} kJ by the counter, {by_power / 1e6:.2f} kJ by the power, in {seconds:.1f} s")
    # Looks are a second apart: as much may be missing at either end.
    assert abs(gpu["energy_mj"] - by_power) < 0.15 * by_power
