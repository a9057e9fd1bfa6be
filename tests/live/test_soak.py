"""Many calls in one run, and many runs: nothing is left open, and memory does not grow by itself.

The whole soak, ten times as long, is benchmarks/soak_live.py.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

SOAK: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "soak_live.py"))
MB = 1e6


def test_a_long_conversation_leaves_nothing_open_and_grows_by_a_constant_a_call() -> None:
    soaked = SOAK["soak"](6000, 100)
    assert list(soaked.faults()) == []
    assert len(soaked.points) == 10
    first, middle, last = (soaked.points[place] for place in (1, 5, 9))
    early = (middle.resident - first.resident) / (middle.calls - first.calls)
    late = (last.resident - middle.resident) / (last.calls - middle.calls)
    assert late < 2 * max(early, 2000)  # bytes a call
    assert max(point.tasks for point in soaked.points) < 200


def test_many_conversations_of_one_agent_leave_nothing_behind() -> None:
    points = SOAK["many"](40, 100)
    assert points[-1].resident - points[3].resident < 5 * MB
    assert points[-1].tasks == 1
