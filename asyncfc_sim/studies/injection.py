"""Latencies for live tools, drawn from a profile of measured durations: common random numbers for all policies.

The number that a latency is drawn by depends on the seed, the conversation, the tool and its arguments, and on nothing
else: the same call takes as long under every policy, in every round, in every process.
"""

from __future__ import annotations

from math import isfinite

from asyncfc_sim.live.injected import Injection
from asyncfc_sim.simulate.durations import DurationModel, uniform


class InjectionError(ValueError):
    """Latencies that cannot be: the message says what was expected."""


def injection(profile: DurationModel, scale: float = 1.0, seed: int = 0) -> Injection:
    """Latencies of `profile`, each times `scale`. Raises InjectionError."""
    if not (isfinite(scale) and scale >= 0):
        raise InjectionError(f"a scale of {scale:g}: expected a number, 0 or more")

    def seconds(case: str, tool: str, args: str, nth: int) -> float:
        return scale * profile.sample_s(tool, uniform(seed, "\0".join((case, tool, args)), nth))

    times = "" if scale == 1 else f", times {scale:g}"
    return Injection(f"drawn from the profile {profile.name}{times}, seed {seed}", seconds)
