"""Reading GPUs: against replayed call results everywhere, against the real library where there is a device.

What is replayed here was written by hand from NVML's documentation, not recorded on a device (see ``nvml_replay``);
only the last test, marked ``gpu``, says something about real ones.
"""

from __future__ import annotations

import random
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest
from nvml_replay import NOT_SUPPORTED, UNKNOWN, Card, Recorder, Replay, made_up

import lineitem.agent
from lineitem.agent.worker._nvml import GpuWatch, NvmlError, find_devices, may_have_gpus, open_library, wanted_devices

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineitem.agent.worker._nvml import Nvml

UUIDS = [f"GPU-{n}f6e4d2c-1111-2222-3333-44445555666{n}" for n in range(4)]
SECOND = 1_000_000


def watch(entries: Any, environ: dict[str, str] | None = None) -> GpuWatch:
    """Begin to watch a replayed machine, without a thread: steps are taken by the test."""
    library = entries if isinstance(entries, (Replay, Recorder)) else Replay(entries)
    watching = GpuWatch(lambda: library, environ or {})
    watching.begin()
    return watching


def look(watching: GpuWatch, times: int, every_us: int = SECOND, at: int = 0) -> list[dict[str, Any]]:
    for step in range(times):
        watching.step(at + step * every_us)
    return watching.window()


def test_use_is_weighted_by_time() -> None:
    card = Card(
        0,
        UUIDS[0],
        util=[90, 50, 0, 100],
        gpm=[(80.0, 12.5), (0.0, 0.0), (100.0, 25.0)],
        memory_used=[2 << 30, 9 << 30, 1 << 30],
        energy_mj=[1_000_000, 1_300_000, 1_400_000, 2_100_000],
    )
    (gpu,) = look(watch(made_up([card])), 4)
    assert gpu == {
        "uuid": UUIDS[0],
        "index": 0,
        "name": "NVIDIA H200",
        # The first look begins the window: its reading stands for no time.
        "observed_us": 3 * SECOND,
        "util_us": 1_500_000,
        "idle_us": SECOND,
        "sm_us": 375_000,
        "memory_peak_bytes": 9 << 30,
        "memory_total_bytes": 150_754_820_096,
        "energy_mj": 1_100_000,
    }


def test_windows_follow_each_other() -> None:
    watching = watch(made_up([Card(0, UUIDS[0], util=[100], energy_mj=[5_000, 5_100, 5_300, 5_600])]))
    (first,) = look(watching, 2)
    (second,) = look(watching, 2, at=2 * SECOND)
    assert first["observed_us"] == SECOND
    assert second["observed_us"] == 2 * SECOND
    assert (first["energy_mj"], second["energy_mj"]) == (100, 500)


@pytest.mark.parametrize("seed", range(20))
def test_integrals_hold_however_long_the_steps_are(seed: int) -> None:
    dice = random.Random(seed)
    utils = [dice.choice([0, 0, dice.randint(1, 100), 100]) for _ in range(30)]
    watching = watch(made_up([Card(0, UUIDS[0], util=list(utils))]))
    now = expected = idle = observed = 0
    for at, util in enumerate(utils):
        step = dice.randint(1, 4 * SECOND) if at else 0
        now += step
        watching.step(now)
        expected += util * step
        idle += step if util == 0 else 0
        observed += step
    (gpu,) = watching.window()
    assert gpu["observed_us"] == observed
    assert gpu["idle_us"] == idle
    assert abs(gpu["util_us"] - expected / 100) <= 1
    assert gpu["util_us"] + gpu["idle_us"] <= observed


def test_time_in_which_nobody_looked_was_not_observed() -> None:
    watching = watch(made_up([Card(0, UUIDS[0], util=[100])]))
    for now in (0, SECOND, 100 * SECOND, 101 * SECOND, 50 * SECOND):
        watching.step(now)
    (gpu,) = watching.window()
    assert gpu["observed_us"] == 2 * SECOND


def test_an_older_device_tells_less() -> None:
    old = Card(
        0, UUIDS[0], name="Tesla K80", util=[40], old_memory=True, memory_used=[7], memory_total=10, power_mw=[150_000]
    )
    library = Replay(e for e in made_up([old]) if not e[0].startswith(("nvmlGpm", "nvmlDeviceGetMig")))
    watching = watch(library)
    (gpu,) = look(watching, 3)
    assert "sm_us" not in gpu
    assert gpu["util_us"] == 800_000
    assert (gpu["memory_peak_bytes"], gpu["memory_total_bytes"]) == (7, 10)
    assert gpu["energy_mj"] == 300_000  # 150 W for two seconds
    # What the driver does not support is asked for once.
    assert library.calls.count("nvmlDeviceGetTotalEnergyConsumption") == 1


def test_what_cannot_be_read_is_absent() -> None:
    silent = Card(0, UUIDS[0], util=[None], memory_used=[])
    (gpu,) = look(watch(made_up([silent])), 3)
    assert gpu == {"uuid": UUIDS[0], "index": 0, "name": "NVIDIA H200"}


def test_a_passing_error_costs_its_own_second_only() -> None:
    entries = made_up([Card(0, UUIDS[0], util=[])])
    handle = Card(0, "").handle
    answers = [(0, ("64000000",)), (UNKNOWN, ("",)), (0, ("64000000",)), (0, ("64000000",))]
    entries += [("nvmlDeviceGetUtilizationRates", (handle,), code, buffers) for code, buffers in answers]
    (gpu,) = look(watch(entries), 4)
    assert gpu["observed_us"] == 2 * SECOND


def test_a_divided_device_is_seen_by_its_part() -> None:
    part = "MIG-aaaaaaaa-1111-2222-3333-444455556666"
    card = Card(0, UUIDS[0], util=[77], gpm=[(50.0, 20.0)], memory_used=[5 << 30], energy_mj=[1, 2, 3], parts=[part])
    for environ in ({"CUDA_VISIBLE_DEVICES": part}, {}, {"CUDA_VISIBLE_DEVICES": "0"}):
        (gpu,) = look(watch(made_up([card]), environ), 3)
        assert gpu["uuid"] == part
        # Its utilisation is that of GPM, between two readings; the energy of the whole device is not its own.
        assert gpu["observed_us"] == 2 * SECOND
        assert gpu["util_us"] == 1_000_000
        assert gpu["sm_us"] == 400_000
        assert gpu["memory_peak_bytes"] == 5 << 30
        assert "energy_mj" not in gpu


def test_a_part_without_counters_was_not_observed() -> None:
    part = "MIG-bbbbbbbb-1111-2222-3333-444455556666"
    (gpu,) = look(watch(made_up([Card(0, UUIDS[0], parts=[part])]), {"CUDA_VISIBLE_DEVICES": part}), 3)
    assert gpu["uuid"] == part
    assert not {"observed_us", "util_us", "idle_us"} & set(gpu)


@pytest.mark.parametrize(
    ("visible", "indices"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("2,0", [2, 0]),
        ("1", [1]),
        (UUIDS[2], [2]),
        (f"{UUIDS[1]},0", [1, 0]),
        (UUIDS[1][:8], [1]),
        ("GPU-", []),
        ("0,-1,1", [0]),
        ("-1", []),
        ("7", []),
        ("1,7,0", [1]),
        ("0,0", []),
        ("nonsense", []),
        (" 1 , 2 ", [1, 2]),
    ],
)
def test_devices_are_those_that_cuda_would_show(visible: str | None, indices: list[int]) -> None:
    entries = made_up([Card(n, UUIDS[n]) for n in range(3)])
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    watching = watch(entries, environ)
    assert [gpu["index"] for gpu in look(watching, 2)] == indices


def test_of_a_rotated_list_the_first_is_the_workers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask_cuda", types.ModuleType("dask_cuda"))
    assert wanted_devices({"CUDA_VISIBLE_DEVICES": "2,3,0,1"}) == [2]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_variable_holds_does_no_harm(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(300):
        told = "".join(dice.choices("0123,,- GPUMIG/\x00é٣", k=dice.randint(0, 30)))
        devices = wanted_devices({"CUDA_VISIBLE_DEVICES": told})
        assert devices is not None
        assert len(devices) <= 64
        assert all(isinstance(device, (int, str)) for device in devices)


def test_without_a_driver_there_are_no_devices() -> None:
    def missing() -> Any:
        raise OSError("libnvidia-ml.so.1: cannot open shared object file")

    watching = GpuWatch(missing, {})
    watching.start()
    assert watching._thread is not None
    watching._thread.join()
    assert watching.window() == []
    assert watching.failures == 0
    assert not may_have_gpus({"CUDA_VISIBLE_DEVICES": ""})
    assert not may_have_gpus({"CUDA_VISIBLE_DEVICES": "-1"})


def test_a_driver_that_hangs_holds_up_nobody() -> None:
    inside, let_go = threading.Event(), threading.Event()
    replay = Replay(made_up([Card(0, UUIDS[0], util=[100])]))

    class Hanging:
        def __getattr__(self, function: str) -> Callable[..., int]:
            real: Callable[..., int] = getattr(replay, function)
            if function != "nvmlDeviceGetUtilizationRates":
                return real

            def hang(*args: Any) -> int:
                inside.set()
                let_go.wait()
                return real(*args)

            return hang

    watching = GpuWatch(Hanging, {})
    watching.start()
    assert inside.wait(60)
    (gpu,) = watching.window()  # does not wait
    assert "observed_us" not in gpu
    watching.stop()
    let_go.set()
    assert watching._thread is not None
    watching._thread.join()


def test_a_lost_device_ends_the_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = GpuWatch(lambda: Replay(made_up([Card(0, UUIDS[0])])), {})

    def lost(now_us: int) -> None:
        raise RuntimeError(now_us)

    monkeypatch.setattr(watching, "step", lost)
    monkeypatch.setattr("lineitem.agent.worker._nvml._EVERY_S", 0.0)
    watching.start()
    assert watching._thread is not None
    watching._thread.join()
    assert watching.failures == 30


def test_buffers_are_given_back() -> None:
    library = Replay(made_up([Card(0, UUIDS[0], gpm=[(1.0, 1.0)])]))
    watching = GpuWatch(lambda: library, {})
    nvml: Nvml = watching.begin()
    for device in watching._devices:
        device.close()
    nvml.close()
    assert library.calls.count("nvmlGpmSampleAlloc") == library.calls.count("nvmlGpmSampleFree") == 2
    assert library.calls[-1] == "nvmlShutdown"


def test_an_unknown_function_is_an_answer_too() -> None:
    watching = GpuWatch(lambda: Replay([("nvmlInit_v2", (), 0, ())]), {})
    nvml = watching.begin
    with pytest.raises(NvmlError, match="nvmlDeviceGetCount_v2 answered 13"):
        nvml()
    assert NOT_SUPPORTED == 3


def test_it_travels_by_value() -> None:
    cloudpickle.register_pickle_by_value(lineitem.agent)
    try:
        payload = cloudpickle.dumps((GpuWatch, find_devices))
    finally:
        cloudpickle.unregister_pickle_by_value(lineitem.agent)
    there, _ = cloudpickle.loads(payload)
    library = Replay(made_up([Card(0, UUIDS[0], util=[25], gpm=[(30.0, 5.0)])]))
    watching = there(lambda: library, {})
    watching.begin()
    (gpu,) = look(watching, 3)
    assert gpu["util_us"] == 500_000


@pytest.mark.gpu
@pytest.mark.skipif(not may_have_gpus(), reason="there is no GPU here")
def test_a_real_device() -> None:
    recorder = Recorder(open_library())
    watching = watch(recorder)
    seen = look(watching, 3)
    assert seen
    for gpu in seen:
        assert gpu["uuid"].startswith(("GPU-", "MIG-"))
        assert gpu["name"]
        assert 0 < gpu["memory_peak_bytes"] <= gpu["memory_total_bytes"]
        if "observed_us" in gpu:
            assert gpu["util_us"] + gpu["idle_us"] <= gpu["observed_us"] <= 2 * SECOND
            assert gpu.get("sm_us", 0) <= gpu["observed_us"]
    # What was recorded gives the same again.
    assert look(watch(Replay(recorder.entries)), 3) == seen
