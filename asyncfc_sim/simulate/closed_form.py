"""What papers say a run should take, as formulas: oracles and bounds to hold the simulator against.

No clock, no schedule, no randomness. All times are seconds; a negative duration raises ValueError.
The bounds of Graham and Brent are written once, beside the longest path that they need, and only passed on here; the
paper's split of the saving is in traces/intervals.py, since timelines show it too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asyncfc_sim.core.makespan import graham_brent as graham_brent


@dataclass(frozen=True, slots=True)
class IndependentCall:
    """A call that depends on nothing: seconds to decode it (AsyncLM's G) and seconds to execute it (E)."""

    decode_s: float
    execute_s: float

    def __post_init__(self) -> None:
        _not_negative(self.decode_s, self.execute_s)


def sync_s(calls: Iterable[IndependentCall]) -> float:
    """L_Sync = sum G + sum E: each call is decoded, executed, and only then the next one decoded.

    AsyncLM, arXiv 2412.07017 (as restated by others: its formulas were not read in the paper itself).
    """
    return math.fsum(call.decode_s + call.execute_s for call in calls)


def sync_parallel_s(calls: Sequence[IndependentCall]) -> float:
    """L_SyncPar = sum G + max E: all calls are decoded, then executed together. AsyncLM, as `sync_s`."""
    return math.fsum(call.decode_s for call in calls) + max((call.execute_s for call in calls), default=0.0)


def async_s(calls: Sequence[IndependentCall]) -> float:
    """L_Async = max over f of E(f) + sum of G(g) over all g with E(g) >= E(f). AsyncLM, as `sync_s`.

    Each call runs from the moment it is decoded, beside the decoding of the next. The formula is the makespan when
    calls are decoded longest execution first, the best of all orders.
    """
    longest, decoded_s = 0.0, 0.0
    for call in sorted(calls, key=lambda call: -call.execute_s):
        # Of calls with equal E the last decoded counts, and it ends last: the running maximum finds it.
        decoded_s += call.decode_s
        longest = max(longest, decoded_s + call.execute_s)
    return longest


def speedup_bound(decode_s: float, tool_s: float, critical_s: float, alpha: float = 0.0) -> float:
    """R of AsyncFC, Eq. 1 (arXiv 2605.15077, section 4 and appendix B; quoted by others, the paper was not read).

    With T_LLM = `decode_s`, T_tool = `tool_s` (the sum of all calls) and T_cp = `critical_s` (calls on the critical
    path): R = (T_LLM + T_tool) / max(T_LLM, T_cp) for alpha = 0. With `alpha`, the extra decoding of the asynchronous
    run as a fraction of T_LLM, it is (T_LLM + T_tool) / T_cp if T_cp >= (1 + alpha) T_LLM, else
    (T_LLM + T_tool) / ((1 + alpha) T_LLM): one maximum. R bounds the speed-up over sync from above, loosely.

    Raises ValueError also if `critical_s` exceeds `tool_s`, or if nothing takes any time.
    """
    _not_negative(decode_s, tool_s, critical_s, alpha)
    if critical_s > tool_s * (1 + 1e-9):  # a sum in another order may differ in the last bits
        raise ValueError(f"the critical path ({critical_s} s) cannot exceed the sum of all calls ({tool_s} s)")
    if (least_s := max((1 + alpha) * decode_s, critical_s)) == 0:
        raise ValueError("no speed-up is defined for a run that takes no time")
    return (decode_s + tool_s) / least_s


def _not_negative(*values: float) -> None:
    if any(not value >= 0 for value in values):  # written so that NaN is refused too
        raise ValueError(f"times and overheads are numbers not below zero, not {values}")
