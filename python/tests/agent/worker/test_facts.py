from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lineitem.agent.worker._facts import MAX_NAME, owner_of, read_stamp


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (7, (7, 0)),
        ([7, 3], (7, 3)),
        ((7, 0), (7, 0)),
        (None, (0, 0)),
        ("7", (0, 0)),
        ([7], (0, 0)),
        ([7, None], (0, 0)),
        ([-1, -2], (0, 0)),
        (-5, (0, 0)),
        ([1 << 70, 1], (0, 0)),
        (1 << 63, (0, 0)),
    ],
)
def test_a_stamp_is_read_whatever_it_is(stamp: Any, expected: tuple[int, int]) -> None:
    assert read_stamp(stamp) == expected


def test_the_owner_of_a_task_is_bounded() -> None:
    task = SimpleNamespace(key=("x" * 1_000 + "-0", 1), prefix="x" * 1_000)
    submission, prefix, origin = owner_of(task, [5, 6])
    assert (submission, len(prefix), origin) == (5, MAX_NAME, 6)
