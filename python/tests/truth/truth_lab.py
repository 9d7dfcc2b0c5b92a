"""Runs programs on real workers and compares what their lines took with what the agent says."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import truth_programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LABELS = truth_programs.labels()
FILE = truth_programs.__file__


class Account:
    """What worker batches say about rows of one prefix.

    Parameters
    ----------
    batches
        Of one worker.
    prefix
        Of the task.
    """

    def __init__(self, batches: Iterable[dict[str, Any]], prefix: str) -> None:
        self.lines: dict[str, float] = defaultdict(float)
        self.submissions: Counter[int] = Counter()
        self.slot_us = self.thread_us = self.native_us = self.done = self.failed = 0
        self.parts: Counter[tuple[str, str]] = Counter()
        self.samples = 0
        for batch in batches:
            self._add(batch, prefix)

    def _add(self, batch: dict[str, Any], prefix: str) -> None:
        """Split the exact thread-time of each row over its samples, as the server does."""
        split: dict[tuple[int, int], Counter[str]] = {}
        for submission, name, stack, wall, _cpu, origin, part in batch["samples"]:
            if batch["strings"][name] != prefix:
                continue
            label = line_of(batch, stack)
            split.setdefault((submission, origin), Counter())[label] += wall
            self.parts[label, batch["strings"][part - 1] if part else ""] += wall
            self.samples += 1
        for submission, name, slot, thread, done, failed, origin, native in batch["ledger"]:
            if batch["strings"][name] != prefix:
                continue
            self.slot_us += slot
            self.thread_us += thread
            self.native_us += native
            self.done += done
            self.failed += failed
            self.submissions[submission] += thread
            weights = split.get((submission, origin), Counter({"no sample": 1}))
            for label, weight in weights.items():
                self.lines[label] += thread * weight / max(1, weights.total())

    def errors(self, truth: Mapping[str, float]) -> dict[str, tuple[float, float]]:
        """Return, for each line, its true share and the agent's, in per cent."""
        total, told = sum(truth.values()), max(1, sum(self.lines.values()))
        names = {*truth, *(name for name, us in self.lines.items() if us > 0.1 * told)}
        return {
            name: (100 * truth.get(name, 0) / total, 100 * self.lines[name] / told)
            for name in sorted(names, key=lambda name: -truth.get(name, 0))
        }


def line_of(batch: dict[str, Any], stack: int) -> str:
    """Return what the innermost line of the programs on a stack belongs to."""
    for number in reversed(batch["stacks"][stack]):
        file, _, line = batch["frames"][number]
        if batch["files"][file][0] == FILE and line in LABELS:
            return LABELS[line]
    return "elsewhere"


def total(counters: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up what several tasks measured."""
    summed: dict[str, float] = defaultdict(float)
    for counter in counters:
        for name, seconds in counter.items():
            summed[name] += seconds
    return dict(summed)
