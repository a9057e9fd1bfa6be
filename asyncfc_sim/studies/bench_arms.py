"""The three arms of an accuracy experiment: they part what futures do to the model from what concurrency does.

sync -> blind    the model's part: it is shown futures instead of values, and its calls still run one by one
blind -> async   the executor's part: it is shown the same, and calls run as soon as that is safe
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

from asyncfc_sim.core.policy import ASYNCFC, BLIND, SYNC, Policy

Part = Literal["model", "executor"]

# No grace, delivery on touch, and no duplicate shared: then the transcript does not depend on the schedule, and a model
# that always says the same to the same gives the same answers in both arms.
ASYNC: Final = replace(ASYNCFC, name="async", grace_s=0.0, delivery="on_touch", duplicates="run", max_awaits=None)

ARMS: Final[Mapping[str, Policy]] = {"sync": SYNC, "blind": BLIND, "async": ASYNC}
PARTS: Final[Mapping[tuple[str, str], Part]] = {("sync", "blind"): "model", ("blind", "async"): "executor"}
