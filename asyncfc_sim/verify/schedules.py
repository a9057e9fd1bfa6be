"""Schedules as text: one line that makes a run happen again.

    d d f2 f1 cancel:f3 d

`d` is the decoder's next statement, `f2` the next step of the tool of future 2, `cancel:f3`, `timeout:f3` and
`deliver:f3` are moves of the environment, and `end:f3` is the end of a tool that was cancelled or timed out before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from asyncfc_sim.core.events import Cancel, Deliver, End, Timeout

from .moves import DECODE, Move

_TOKEN: Final = re.compile(r"(?:(cancel|timeout|deliver|end):)?f([1-9][0-9]{0,8})")
_WORDS: Final[Mapping[str, Callable[[int], Move]]] = {"cancel": Cancel, "timeout": Timeout, "end": End}


class ScheduleError(ValueError):
    """Text that is no schedule, or a schedule that a program does not have."""


def format_move(move: Move) -> str:
    match move:
        case int():
            return "d" if move == DECODE else f"f{move}"
        case Deliver(futures):
            return "+".join(f"deliver:f{future}" for future in futures)
        case _:
            return f"{type(move).__name__.lower()}:f{move.future}"


def format_schedule(moves: Iterable[Move]) -> str:
    return " ".join(map(format_move, moves))


def parse_schedule(text: str) -> tuple[Move, ...]:
    """Read what `format_schedule` writes. Raises ScheduleError."""
    return tuple(_parse_move(number, token) for number, token in enumerate(text.split(), 1))


def _parse_move(number: int, token: str) -> Move:
    if token == "d":
        return DECODE
    if token.startswith("deliver:"):
        found = [re.fullmatch(r"deliver:f([1-9][0-9]{0,8})", part) for part in token.split("+")]
        if all(found):
            return Deliver(tuple(int(match.group(1)) for match in found if match))
    elif match := _TOKEN.fullmatch(token):
        word, future = match.groups()
        return int(future) if word is None else _WORDS[word](int(future))
    raise ScheduleError(
        f"schedule, move {number}: {token!r} is none; expected d, f1, cancel:f1, timeout:f1, deliver:f1 or end:f1"
    )
