"""The terms of a fitted decoder: their names, and each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .linear_fit import LinearFit

BASE: Final = "TTFT of no prompt"
PROMPT: Final = "TTFT per uncached token"
TOKEN: Final = "time per token"
TEXT: Final = "more for a token of text than of a call"


@dataclass(frozen=True, slots=True)
class Term:
    """A fitted figure with its interval; `set_to` says why it is not what was fitted, if it is not."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    set_to: str = ""


def term_of(name: str, unit: str, fit: LinearFit, set_to: str = "") -> Term:
    """What was fitted for `name`; 0 if it is `set_to` that for a reason."""
    if set_to:
        return Term(name, unit, 0.0, 0.0, 0.0, set_to)
    found = fit.coefficients[name]
    return Term(name, unit, found.value, found.low, found.high)
