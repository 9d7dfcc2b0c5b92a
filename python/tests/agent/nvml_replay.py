"""A stand-in for NVIDIA's management library: it replays call results at the level of the C interface.

``Recorder`` stands between the agent and the real library and writes down every call: the function, its plain
arguments, the answer and the bytes that came back. ``Replay`` answers from such a list. The test that is marked
``gpu`` records a real device and replays it.

THE LISTS MADE BY ``made_up`` WERE NOT RECORDED ON A DEVICE: none was at hand when they were written. They follow the
documentation of NVML (layout of structures, return codes, which generation answers what), and they are told apart from
a recording by their first entry, ``made up``.
"""

from __future__ import annotations

import ctypes
import struct
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NOT_SUPPORTED, NOT_FOUND, UNKNOWN, INVALID = 3, 6, 999, 2

#: Function, plain arguments, answer, what came back in each buffer (hexadecimal, zeros at the end left out).
Entry = tuple[str, tuple[Any, ...], int, tuple[str, ...]]

_BUFFER_IS_KEY = "nvmlGpmMetricsGet"


def _plain(arg: Any) -> bool:
    return isinstance(arg, (ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulonglong))


def _value(arg: Any) -> Any:
    return arg.value.decode() if isinstance(arg.value, bytes) else arg.value


def _target(arg: Any) -> Any:
    return getattr(arg, "_obj", arg)


class Recorder:
    """Hands calls on to a library and writes them down."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.entries: list[Entry] = []

    def __getattr__(self, function: str) -> Callable[..., int]:
        called = getattr(self._library, function)

        def record(*args: Any) -> int:
            code = int(called(*args))
            plain = tuple(_value(arg) for arg in args if _plain(arg))
            buffers = tuple(bytes(_target(arg)).rstrip(b"\0").hex() for arg in args if not _plain(arg))
            self.entries.append((function, plain, code, buffers))
            return code

        return record


class Replay:
    """Answers calls from a list. The same call gets the next answer each time, and the last one for ever."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._answers: dict[tuple[Any, ...], deque[tuple[int, tuple[str, ...]]]] = defaultdict(deque)
        self._functions = set()
        for function, plain, code, buffers in entries:
            self._answers[(function, *plain)].append((code, buffers))
            self._functions.add(function)
        self.calls: list[str] = []

    def __getattr__(self, function: str) -> Callable[..., int]:
        if function.startswith("_") or function not in self._functions:
            raise AttributeError(function)

        def answer(*args: Any) -> int:
            self.calls.append(function)
            answers = self._answers.get((function, *(_value(arg) for arg in args if _plain(arg))))
            if not answers:
                return INVALID
            code, buffers = answers[0] if len(answers) == 1 else answers.popleft()
            for arg, data in zip((arg for arg in args if not _plain(arg)), buffers, strict=True):
                raw = bytes.fromhex(data)
                ctypes.memmove(ctypes.byref(_target(arg)), raw, len(raw))
            return code

        return answer


def u32(*values: int) -> str:
    return struct.pack(f"<{len(values)}I", *values).hex()


def u64(*values: int) -> str:
    return struct.pack(f"<{len(values)}Q", *values).hex()


def text(value: str) -> str:
    return value.encode().hex()


@dataclass
class Card:
    """A device as a list tells it: one value for each look."""

    index: int
    uuid: str
    name: str = "NVIDIA H200"
    util: list[int | None] = field(default_factory=lambda: [0])
    #: Shares in per cent of time with a kernel and of busy multiprocessors; none where the device has no GPM.
    gpm: list[tuple[float, float]] = field(default_factory=list)
    memory_used: list[int] = field(default_factory=lambda: [1 << 30])
    memory_total: int = 150_754_820_096
    energy_mj: list[int] = field(default_factory=list)
    power_mw: list[int] = field(default_factory=list)
    old_memory: bool = False
    #: UUIDs of its parts, if it is divided.
    parts: list[str] = field(default_factory=list)

    @property
    def handle(self) -> int:
        return 0x1000 + self.index


def made_up(cards: Iterable[Card]) -> list[Entry]:
    """Make a list of calls of a machine with these devices. Not a recording: see the module."""
    cards = list(cards)
    entries: list[Entry] = [
        ("made up", (), 0, ()),
        ("nvmlInit_v2", (), 0, ()),
        ("nvmlShutdown", (), 0, ()),
        ("nvmlDeviceGetCount_v2", (), 0, (u32(len(cards)),)),
        # Of the calls that take no plain argument at all there is one queue.
        ("nvmlGpmSampleAlloc", (), 0, (u64(0xA000),)),
        ("nvmlGpmSampleAlloc", (), 0, (u64(0xB000),)),
        ("nvmlGpmSampleFree", (0xA000,), 0, ()),
        ("nvmlGpmSampleFree", (0xB000,), 0, ()),
        ("nvmlDeviceGetMigDeviceHandleByIndex", (0,), NOT_FOUND, (u64(0),)),
        ("nvmlDeviceGetMemoryInfo_v2", (0,), NOT_SUPPORTED, ("",)),
        ("nvmlDeviceGetMemoryInfo", (0,), NOT_SUPPORTED, ("",)),
        ("nvmlGpmSampleGet", (0, 0), NOT_SUPPORTED, ()),
        ("nvmlGpmMigSampleGet", (0, 0, 0), NOT_SUPPORTED, ()),
        ("nvmlDeviceGetUtilizationRates", (0,), NOT_SUPPORTED, ("",)),
        ("nvmlDeviceGetTotalEnergyConsumption", (0,), NOT_SUPPORTED, ("",)),
    ]
    for card in cards:
        entries += _card(card)
    return entries


def _card(card: Card) -> list[Entry]:
    handle = card.handle
    mig = bool(card.parts)
    entries: list[Entry] = [
        ("nvmlDeviceGetHandleByIndex_v2", (card.index,), 0, (u64(handle),)),
        ("nvmlDeviceGetHandleByUUID", (card.uuid,), 0, (u64(handle),)),
        ("nvmlDeviceGetMigMode", (handle,), 0, (u32(1 if mig else 0), u32(0))),
        ("nvmlGpmQueryDeviceSupport", (handle,), 0, (u32(1, 1 if card.gpm else 0),)),
    ]
    if mig:
        entries.append(("nvmlDeviceGetMigDeviceHandleByIndex", (handle, 0), 0, (u64(handle * 16),)))
    for at, part in enumerate(card.parts):
        entries += [
            ("nvmlDeviceGetHandleByUUID", (part,), 0, (u64(handle * 16 + at),)),
            ("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", (handle * 16 + at,), 0, (u64(handle),)),
            ("nvmlDeviceGetGpuInstanceId", (handle * 16 + at,), 0, (u32(at + 7),)),
            *_looks(card, handle * 16 + at, part, f"{card.name} MIG 1g.18gb", mig=True),
        ]
        entries += [("nvmlGpmMigSampleGet", (handle, at + 7, buffer), 0, ()) for buffer in (0xA000, 0xB000)]
    entries.append(("nvmlDeviceGetIndex", (handle,), 0, (u32(card.index),)))
    entries += _looks(card, handle, card.uuid, card.name, mig=False)
    entries += [("nvmlGpmSampleGet", (handle, buffer), 0, ()) for buffer in (0xA000, 0xB000)]
    # One metric takes 40 bytes: id and status, the value, three texts.
    for graphics, busy in card.gpm:
        head = u32(1, 2) + u64(0xA000, 0xB000)
        metrics = u32(1, 0) + struct.pack("<d", graphics).hex() + u64(0, 0, 0)
        metrics += u32(2, 0) + struct.pack("<d", busy).hex()
        entries.append((_BUFFER_IS_KEY, (), 0, (head + metrics,)))
    return entries


def _looks(card: Card, handle: int, uuid: str, name: str, *, mig: bool) -> list[Entry]:
    entries: list[Entry] = [
        ("nvmlDeviceGetUUID", (handle, 96), 0, (text(uuid),)),
        ("nvmlDeviceGetName", (handle, 96), 0, (text(name),)),
    ]
    for util in [None] if mig else card.util:
        answer = (NOT_SUPPORTED, ("",)) if util is None else (0, (u32(util, 0),))
        entries.append(("nvmlDeviceGetUtilizationRates", (handle,), *answer))
    for used in card.memory_used:
        if card.old_memory:
            entries.append(("nvmlDeviceGetMemoryInfo", (handle,), 0, (u64(card.memory_total, 0, used),)))
        else:
            amounts = u64(0, card.memory_total, 1 << 29, 0, used)
            entries.append(("nvmlDeviceGetMemoryInfo_v2", (handle,), 0, (amounts,)))
    if mig:
        return entries
    entries += [("nvmlDeviceGetTotalEnergyConsumption", (handle,), 0, (u64(energy),)) for energy in card.energy_mj]
    entries += [("nvmlDeviceGetPowerUsage", (handle,), 0, (u32(power),)) for power in card.power_mw]
    if not card.energy_mj:
        entries.append(("nvmlDeviceGetTotalEnergyConsumption", (handle,), NOT_SUPPORTED, ("",)))
    return entries
