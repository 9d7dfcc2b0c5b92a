"""Reading GPUs through NVIDIA's management library, with nothing but ``ctypes``.

A worker may have several devices, parts of devices (MIG), or none; it may use a quarter of one while the driver says
"100 % busy", because that only means that some kernel ran. So for each device that the process can use: the share of
time in which a kernel ran, the share of busy multiprocessors (GPM) where the driver tells it, memory and energy.

Calls into the driver may hang. They are made by a thread of their own, which nobody waits for.

The module travels to workers by value: the standard library only, and no ``ctypes.Structure``, whose classes cannot
travel. ``pynvml`` would be the same calls behind a dependency whose names change.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
import time
from ctypes import byref, c_char, c_char_p, c_uint, c_ulonglong, c_void_p, sizeof
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUCCESS = 0
# Answers after which asking again is pointless: invalid argument, not supported, no permission, function not found,
# deprecated.
_NEVER = frozenset({2, 3, 4, 13, 26})
_GPM_METRICS = 333
_GPM_GRAPHICS = 1
_GPM_SM = 2
_TEXT = 96
_MAX_DEVICES = 64
_EVERY_S = 1.0
_LOST_AFTER = 30
# A device that was not looked at for longer than this was not observed: the thread was stuck, or the machine slept.
_MAX_STEP_US = 5_000_000


class NvmlError(Exception):
    """The library answered with an error.

    Parameters
    ----------
    function
        What was called.
    code
        ``nvmlReturn_t``.
    """

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function} answered {code}")
        self.code = code


def open_library() -> Any:
    """Load NVIDIA's library; raise ``OSError`` where there is none."""
    if sys.platform == "win32":
        return ctypes.CDLL("nvml.dll")
    return ctypes.CDLL("libnvidia-ml.so.1")


def may_have_gpus(environ: Mapping[str, str] | None = None) -> bool:
    """Tell, without loading anything, whether it makes sense to look for devices."""
    env = os.environ if environ is None else environ
    if env.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1") or sizeof(c_void_p) != 8:
        return False
    if sys.platform != "linux":
        return sys.platform == "win32"
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/dxg")  # noqa: PTH110 - as plain as it gets


def wanted_devices(environ: Mapping[str, str]) -> list[int | str] | None:
    """Return what ``CUDA_VISIBLE_DEVICES`` names, numbers and UUIDs; None if it names nothing and all are visible.

    As CUDA has it, what follows the first entry that is no device counts for nothing. Where ``dask-cuda`` runs the worker
    the list is the same for all workers but rotated, and a worker's own device is the first.
    """
    told = environ.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return None
    found: list[int | str] = []
    for entry in told.split(","):
        name = entry.strip()
        if name.isascii() and name.isdecimal():
            device: int | str = int(name)
        elif name.startswith(("GPU-", "MIG-")):
            device = name
        else:
            break
        if device in found:
            return []  # CUDA sees no device at all if one is named twice
        found.append(device)
    return found[:1] if "dask_cuda" in sys.modules else found[:_MAX_DEVICES]


class Nvml:
    """The calls that are needed, as Python has it: results are returned and errors raised.

    Parameters
    ----------
    library
        The loaded library.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self.call("nvmlInit_v2")

    def close(self) -> None:
        """Let go of the library; others in this process may go on using it."""
        self._library.nvmlShutdown()

    def call(self, function: str, *args: Any) -> None:
        """Call a function of the library."""
        try:
            called = getattr(self._library, function)
        except AttributeError:
            raise NvmlError(function, 13) from None  # an older driver: as if the driver said "function not found"
        code = int(called(*args))
        if code != SUCCESS:
            raise NvmlError(function, code)

    def count(self) -> int:
        """Return how many devices the machine shows to this process."""
        count = c_uint()
        self.call("nvmlDeviceGetCount_v2", byref(count))
        return min(int(count.value), _MAX_DEVICES)

    def by_index(self, index: int) -> c_void_p:
        """Return a device by its number."""
        handle = c_void_p()
        self.call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
        return handle

    def by_uuid(self, uuid: str) -> c_void_p:
        """Return a device, or a part of one, by its UUID."""
        handle = c_void_p()
        self.call("nvmlDeviceGetHandleByUUID", c_char_p(uuid.encode("ascii", "replace")), byref(handle))
        return handle

    def first_part(self, device: c_void_p) -> c_void_p | None:
        """Return the first part of a device that is divided (MIG), None if it is not: CUDA uses that part alone."""
        current, pending = c_uint(), c_uint()
        try:
            self.call("nvmlDeviceGetMigMode", device, byref(current), byref(pending))
        except NvmlError:
            return None
        if current.value != 1:
            return None
        part = c_void_p()
        self.call("nvmlDeviceGetMigDeviceHandleByIndex", device, c_uint(0), byref(part))
        return part

    def whole(self, part: c_void_p) -> tuple[c_void_p, int]:
        """Return the device that a part belongs to, and the number of the part's GPU instance."""
        device, instance = c_void_p(), c_uint()
        self.call("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", part, byref(device))
        self.call("nvmlDeviceGetGpuInstanceId", part, byref(instance))
        return device, int(instance.value)

    def index(self, device: c_void_p) -> int:
        """Return the number of a device."""
        index = c_uint()
        self.call("nvmlDeviceGetIndex", device, byref(index))
        return int(index.value)

    def text(self, function: str, device: c_void_p) -> str:
        """Return a text about a device: ``nvmlDeviceGetUUID``, ``nvmlDeviceGetName``."""
        buffer = (c_char * _TEXT)()
        self.call(function, device, buffer, c_uint(_TEXT))
        return buffer.value.decode("utf-8", "replace")

    def utilisation(self, device: c_void_p) -> float:
        """Return the share (0..1) of the last moments in which a kernel ran."""
        found = (c_uint * 2)()  # nvmlUtilization_t: gpu, memory
        self.call("nvmlDeviceGetUtilizationRates", device, found)
        return min(1.0, found[0] / 100)

    def memory(self, device: c_void_p) -> tuple[int, int]:
        """Return the memory that is used, and all of it, in bytes."""
        second = (c_ulonglong * 5)()  # nvmlMemory_v2_t: version, total, reserved, free, used
        second[0] = sizeof(second) | 2 << 24
        try:
            self.call("nvmlDeviceGetMemoryInfo_v2", device, second)
            return int(second[4]), int(second[1])
        except NvmlError as error:
            if error.code not in _NEVER and error.code != 25:  # 25: the version of the structure is not known
                raise
        first = (c_ulonglong * 3)()  # nvmlMemory_t: total, free, used
        self.call("nvmlDeviceGetMemoryInfo", device, first)
        return int(first[2]), int(first[0])

    def energy_mj(self, device: c_void_p) -> int:
        """Return the energy used since the driver was loaded, in millijoules."""
        found = c_ulonglong()
        self.call("nvmlDeviceGetTotalEnergyConsumption", device, byref(found))
        return int(found.value)

    def power_mw(self, device: c_void_p) -> int:
        """Return the power drawn now, in milliwatts."""
        found = c_uint()
        self.call("nvmlDeviceGetPowerUsage", device, byref(found))
        return int(found.value)

    def has_gpm(self, device: c_void_p) -> bool:
        """Tell whether a device counts busy multiprocessors (Hopper and later)."""
        support = (c_uint * 2)(1, 0)  # nvmlGpmSupport_t: version, isSupportedDevice
        try:
            self.call("nvmlGpmQueryDeviceSupport", device, support)
        except NvmlError:
            return False
        return bool(support[1])

    def gpm_buffer(self) -> c_void_p:
        """Return room for one reading of the counters."""
        buffer = c_void_p()
        self.call("nvmlGpmSampleAlloc", byref(buffer))
        return buffer

    def gpm_free(self, buffer: c_void_p) -> None:
        """Give the room of a reading back."""
        self.call("nvmlGpmSampleFree", buffer)

    def gpm_read(self, device: c_void_p, instance: int | None, buffer: c_void_p) -> None:
        """Read the counters of a device, or of a GPU instance of it."""
        if instance is None:
            self.call("nvmlGpmSampleGet", device, buffer)
        else:
            self.call("nvmlGpmMigSampleGet", device, c_uint(instance), buffer)

    def gpm_between(self, before: c_void_p, after: c_void_p) -> tuple[float | None, float | None]:
        """Return the shares (0..1) of time with a kernel and of busy multiprocessors between two readings."""
        # nvmlGpmMetricsGet_t: version, count, two readings, and for each metric id and status, value, three texts.
        asked = (c_ulonglong * (3 + 5 * _GPM_METRICS))()
        asked[0] = 1 | 2 << 32
        asked[1], asked[2] = before.value or 0, after.value or 0
        asked[3], asked[8] = _GPM_GRAPHICS, _GPM_SM
        self.call("nvmlGpmMetricsGet", asked)
        shares: list[float | None] = []
        for at in (3, 8):
            status, (value,) = asked[at] >> 32, struct.unpack("d", struct.pack("Q", asked[at + 1]))
            # A counter that did not run is not a number.
            shares.append(min(1.0, value / 100) if status == SUCCESS and 0.0 <= value <= 100.5 else None)
        return shares[0], shares[1]


class Look(NamedTuple):
    """What one look at a device told; None is what could not be read.

    ``dt_us`` is the time it stands for, ``util`` the share of it with a kernel, ``busy`` the share of busy multiprocessors,
    ``memory`` used and total bytes.
    """

    dt_us: int
    util: float | None
    busy: float | None
    memory: tuple[int, int] | None
    energy_mj: float | None


class Device:
    """One device, or one part of one, and what was seen of it in the current window.

    Parameters
    ----------
    nvml
        The library.
    handle
        The device.
    """

    def __init__(self, nvml: Nvml, handle: c_void_p) -> None:
        self._nvml = nvml
        self._handle = handle
        self._instance: int | None = None
        whole = handle
        self.uuid = nvml.text("nvmlDeviceGetUUID", handle)
        if self.uuid.startswith("MIG-"):
            whole, self._instance = nvml.whole(handle)
        self._whole = whole
        self.index = nvml.index(whole)
        self.name = nvml.text("nvmlDeviceGetName", handle)
        self._off: set[str] = set()
        self._energy: int | None = None
        self._buffers: list[c_void_p] = []
        self._gpm_read = False
        if nvml.has_gpm(whole):
            try:
                self._buffers = [nvml.gpm_buffer(), nvml.gpm_buffer()]
            except NvmlError:
                self._off.add("gpm")
        else:
            self._off.add("gpm")
        self.reset()

    def reset(self) -> None:
        """Begin a new window."""
        self.observed_us = self.util_us = self.idle_us = self.sm_us = 0.0
        self.sm_known = False
        self.memory_peak = self.memory_total = 0
        self.energy_mj = 0.0
        self.energy_known = False

    def look(self, dt_us: int) -> Look:
        """Take one look, which stands for the time since the one before. It may hang in the driver."""
        graphics, busy = self._ask("gpm", self._gpm) or (None, None)
        util = self._ask("util", lambda: self._nvml.utilisation(self._handle))
        memory = self._ask("memory", lambda: self._nvml.memory(self._handle))
        # Parts of devices have no utilisation but that of GPM.
        return Look(dt_us, graphics if util is None else util, busy, memory, self._energy_since(dt_us))

    def add(self, look: Look) -> None:
        """Add a look to the window."""
        if look.util is not None:
            self.observed_us += look.dt_us
            self.util_us += look.util * look.dt_us
            self.idle_us += look.dt_us if look.util == 0 else 0
        if look.busy is not None:
            self.sm_known = True
            self.sm_us += look.busy * look.dt_us
        if look.memory is not None:
            self.memory_peak, self.memory_total = max(self.memory_peak, look.memory[0]), look.memory[1]
        if look.energy_mj is not None:
            self.energy_known = True
            self.energy_mj += look.energy_mj

    def _ask(self, what: str, question: Callable[[], Any]) -> Any:
        """Ask the driver, unless it said that it never answers this; None if there is no answer."""
        if what in self._off:
            return None
        try:
            return question()
        except NvmlError as error:
            if error.code in _NEVER:
                self._off.add(what)
            return None

    def _gpm(self) -> tuple[float | None, float | None]:
        before, after = self._buffers
        self._nvml.gpm_read(self._whole, self._instance, after)
        read, self._gpm_read = self._gpm_read, True
        self._buffers = [after, before]
        return self._nvml.gpm_between(before, after) if read else (None, None)

    def _energy_since(self, dt_us: int) -> float | None:
        """Return the millijoules used since the last look, None if nobody knows."""
        if self._instance is not None:
            return None  # the driver only knows the whole device's, which others use too
        total = self._ask("energy", lambda: self._nvml.energy_mj(self._handle))
        if total is not None:
            before, self._energy = self._energy, total
            return total - before if before is not None and total >= before else None
        if "energy" not in self._off:
            return None
        power = self._ask("power", lambda: self._nvml.power_mw(self._handle))
        return power * dt_us / 1e6 if power is not None else None

    def section(self) -> dict[str, Any]:
        """Return what was seen as an entry of ``res.gpus``; what could not be read is absent."""
        entry: dict[str, Any] = {"uuid": self.uuid, "index": self.index, "name": self.name}
        if self.observed_us:
            entry["observed_us"] = round(self.observed_us)
            entry["util_us"] = min(round(self.util_us), entry["observed_us"])
            entry["idle_us"] = min(round(self.idle_us), entry["observed_us"])
            if self.sm_known:
                entry["sm_us"] = min(round(self.sm_us), entry["observed_us"])
        if self.memory_total:
            entry["memory_peak_bytes"], entry["memory_total_bytes"] = self.memory_peak, self.memory_total
        if self.energy_known:
            entry["energy_mj"] = round(self.energy_mj)
        return entry

    def close(self) -> None:
        """Give back what the driver lent."""
        for buffer in self._buffers:
            try:
                self._nvml.gpm_free(buffer)
            except NvmlError:
                return


def find_devices(nvml: Nvml, environ: Mapping[str, str]) -> list[Device]:
    """Return the devices that CUDA would show to this process."""
    wanted = wanted_devices(environ)
    found: list[Device] = []
    for device in range(nvml.count()) if wanted is None else wanted:
        try:
            handle = nvml.by_index(device) if isinstance(device, int) else nvml.by_uuid(_full_uuid(nvml, device))
            if not (isinstance(device, str) and device.startswith("MIG-")):
                handle = nvml.first_part(handle) or handle
            found.append(Device(nvml, handle))
        except NvmlError:
            if wanted is not None:
                break  # as CUDA has it
    return found


def _full_uuid(nvml: Nvml, uuid: str) -> str:
    """Complete a UUID: CUDA takes the beginning of one, as long as it fits one device only."""
    if not uuid.startswith("GPU-") or len(uuid) >= len("GPU-") + 36:
        return uuid
    fitting = []
    for index in range(nvml.count()):
        known = nvml.text("nvmlDeviceGetUUID", nvml.by_index(index))
        if known.startswith(uuid):
            fitting.append(known)
    return fitting[0] if len(fitting) == 1 else uuid


class GpuWatch:
    """Looks at the devices once a second, in a thread of its own.

    Parameters
    ----------
    open_lib
        Loads the library.
    environ
        Environment of the process.
    """

    def __init__(self, open_lib: Callable[[], Any] = open_library, environ: Mapping[str, str] | None = None) -> None:
        self._open = open_lib
        self._environ = dict(os.environ if environ is None else environ)
        self._devices: list[Device] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: int | None = None
        self._cost_us = 0
        self.failures = 0

    def start(self) -> None:
        """Begin to look."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lineitem-gpu", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more. Does not wait: the driver may be hanging."""
        self._stop.set()

    def window(self) -> list[dict[str, Any]]:
        """Return what was seen since the last call. Never waits for the driver."""
        with self._lock:
            entries = [device.section() for device in self._devices]
            for device in self._devices:
                device.reset()
        return entries

    def take_cost_us(self) -> int:
        """Return the CPU time of the looks since the last call."""
        with self._lock:
            cost, self._cost_us = self._cost_us, 0
        return cost

    def step(self, now_us: int) -> None:
        """Take one look at all devices."""
        last, self._last = self._last, now_us
        if last is None:
            dt = 0
        else:
            dt = now_us - last
            if not 0 <= dt <= _MAX_STEP_US:
                dt = 0
        for device in self._devices:
            look = device.look(dt)
            with self._lock:
                device.add(look)

    def begin(self) -> Nvml:
        """Load the library and find the devices."""
        nvml = Nvml(self._open())
        devices = find_devices(nvml, self._environ)
        with self._lock:
            self._devices = devices
        return nvml

    def _run(self) -> None:
        try:
            nvml = self.begin()
        except (OSError, NvmlError):
            return  # no driver, no devices
        except Exception:
            self.failures += 1
            return
        try:
            while self._devices and not self._stop.is_set() and self.failures < _LOST_AFTER:
                begin = time.thread_time_ns()
                try:
                    self.step(time.monotonic_ns() // 1000)
                except Exception:
                    self.failures += 1
                with self._lock:
                    self._cost_us += (time.thread_time_ns() - begin) // 1000
                self._stop.wait(_EVERY_S)
            for device in self._devices:
                device.close()
            nvml.close()
        except Exception:
            self.failures += 1
