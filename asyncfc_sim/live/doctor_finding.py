"""What a doctor reports of one check, and the words that its checks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from asyncfc_sim.core.values import JSON

from .doctor_wire import Heard

Verdict = Literal["ok", "costs", "fails", "unknown", "unreachable"]

AT_ONCE: Final = 0.05  # of the time of a message: less than this between two moments is the same moment
AT_THE_END: Final = "calls start only when their message has ended"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `verdict`: ok; costs (a run works, but loses something); fails; unknown (not tried, or not clear);
    or unreachable: nothing answers there that could be asked further."""

    check: str
    verdict: Verdict
    tried: str
    came: str
    means: str
    measured: Mapping[str, JSON] = field(default_factory=dict)


def times(heard: Heard) -> dict[str, JSON]:
    return {"ttft_s": heard.first_s, "end_s": heard.end_s}


def short(value: object, length: int = 60) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def counted(number: int, what: str) -> str:
    """Such as "1 call", "2 calls"."""
    return f"{number} {what}{'' if number == 1 else 's'}"
