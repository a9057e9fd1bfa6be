"""How long tools take, by kind, from recorded calls: a profile of measured quantiles, and the families that fit them.

What a simulation draws from are the quantiles; the fitted families are said beside them (duration_fits.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from asyncfc_sim.traces.sessions import RecordedSession

from .duration_fits import DurationFit, fit_durations
from .durations import DurationModel, Rule
from .fit_samples import FitError
from .model_file import QUANTILES, Provenance, Quantity

MIN_CALLS: Final = 10
DEFAULT: Final = Rule(
    "*", "web_fetch", "assumed", "a tool that was not recorded is taken as a remote service, as in default.toml"
)


@dataclass(frozen=True, slots=True)
class ToolFit:
    """What was found of one kind of tool; `quantity` is None, and `left_out` says why, where that is too little."""

    kind: str
    n: int
    quantity: Quantity | None
    fits: tuple[DurationFit, ...]
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class ToolFits:
    """A profile, and what it was made from."""

    profile: DurationModel
    kinds: tuple[ToolFit, ...]
    notes: tuple[str, ...]


def fit_tools(sessions: Sequence[RecordedSession], rng: np.random.Generator, *, name: str, source: str) -> ToolFits:
    """The profile of the tools in `sessions`, by kind, or by name where a tool has no kind. Raises FitError."""
    seconds: dict[str, list[float]] = {}
    marks: set[str] = set()
    drawn = 0
    for session in sessions:
        mark = session.provenance.get("call.exec_s")
        for call in session.calls():
            if call.exec_s is None:
                continue
            if mark == "sampled":  # from a distribution, which is no measurement of a tool
                drawn += 1
                continue
            marks.add(mark or "measured")
            seconds.setdefault(call.kind or call.tool, []).append(call.exec_s)
    provenance: Provenance = "measured" if marks <= {"measured"} else "derived"
    kinds = tuple(
        _fit(kind, np.array(values), rng, source, provenance)
        for kind, values in sorted(seconds.items(), key=lambda item: -len(item[1]))
    )
    known = {fit.kind: fit.quantity for fit in kinds if fit.quantity is not None}
    if not known:
        most = max((fit.n for fit in kinds), default=0)
        raise FitError(
            f"no kind of tool has {MIN_CALLS} calls with a time (exec_s); the most is {most}"
            + (f" ({drawn} calls have sampled times, which are no measurements)" if drawn else "")
        )
    notes = (f"{drawn} calls with sampled times were left out",) if drawn else ()
    profile = DurationModel(name, f"Tools as recorded in {source}", known, (), DEFAULT)
    return ToolFits(profile, kinds, notes)


def _fit(
    kind: str,
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    rng: np.random.Generator,
    source: str,
    mark: Provenance,
) -> ToolFit:
    n = len(values)
    if n < MIN_CALLS:
        return ToolFit(kind, n, None, (), f"{n} calls, fewer than {MIN_CALLS}")
    found = dict(
        zip(QUANTILES.values(), map(float, np.percentile(values, [100 * p for p in QUANTILES.values()])), strict=True)
    )
    if found[0.50] <= 0:
        return ToolFit(kind, n, None, (), "half of its calls took 0 s: shorter than its clock can tell")
    above = values[values > 0]
    fits = tuple(fit_durations(above, rng)) if len(above) >= MIN_CALLS else ()
    zeros = f"; {n - len(above)} calls took 0 s and are not in the fits" if len(above) < n else ""
    better = f"better by AIC: {fits[0]}; then {fits[1]}; p by parametric bootstrap" if fits else "all equal: no fit"
    # A model file has quantiles above zero only; without p10 the lower half is the median.
    quantiles = tuple((p, value) for p, value in found.items() if value > 0)
    return ToolFit(kind, n, Quantity(found[0.50], "s", n, source, mark, f"{better}{zeros}", quantiles), fits)
