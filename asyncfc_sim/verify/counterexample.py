"""A run that differs from running in order, told beside it: two lanes, and where they first part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.events import Action, Cancel, Cut, Deliver, End, Event, Issue, Resume, Settle, Start, Timeout
from asyncfc_sim.core.values import ErrorValue, Value, canonical
from asyncfc_sim.report.lanes import Line

from .baselines import Sequential
from .configuration import Configuration, Stuck
from .moves import DECODE, Move
from .replay import replay
from .setting import Setting


@dataclass(frozen=True, slots=True)
class Counterexample:
    """What happened under a schedule, and what happens in order. `first` is the place of the first difference in each
    lane (None where that lane has no such line)."""

    schedule: tuple[Move, ...]
    happened: tuple[Line, ...]
    in_order: tuple[Line, ...]
    first: tuple[int | None, int | None]


def counterexample(setting: Setting, schedule: Sequence[Move]) -> Counterexample:
    """Run the schedule, and the same program in order, and tell both."""
    happened = _Teller()
    try:
        run: Configuration | None = replay(setting, schedule, happened)
    except Stuck:
        run = None
        happened.say(("stuck",), "nothing can happen any more, and the run is not over")
    told = _Teller()
    ordered = _in_order(setting, told)
    left, right = happened.lines, told.lines
    if run is not None:
        for name, here, there in _worlds(run.world.state(), ordered.world.state()):
            left.append(Line(("world", name), f"in the end {name} is {here}"))
            right.append(Line(("world", name), f"in the end {name} is {there}"))
    return Counterexample(tuple(schedule), tuple(left), tuple(right), _first_difference(left, right))


def _in_order(setting: Setting, observer: _Teller) -> Configuration:
    run = replace(setting, scheduler=Sequential, environment=()).start()
    run.observer = observer
    while not run.over():
        run.make(next((move for move in run.moves() if move != DECODE), DECODE))
    return run


class _Teller:
    """An observer that tells what happened, line by line."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._steps: dict[int, int] = {}

    def say(self, subject: tuple[object, ...], text: str) -> None:
        self.lines.append(Line(subject, text))

    def __call__(self, happened: Event | Access | Action) -> None:
        match happened:
            case Issue(call):
                self.say(("issue", call.future), str(call))
            case Access(future, mode, pattern):
                step = self._steps[future] = self._steps.get(future, 0) + 1
                self.say(("step", future, step), f"   f{future} {'reads' if mode == 'r' else 'writes'} {pattern}")
            case Start(future):
                self.say(("start", future), f"   f{future} starts")
            case Settle(future, value):
                self.say(("value", future), f"   f{future} is {_shown(value)}")
            case Resume(values) if values:
                self.say(
                    ("seen", *values), "seen: " + ", ".join(f"$f{each} = {_shown(values[each])}" for each in values)
                )
            case Cut(future):
                self.say(("cut", future), f"cut: what was issued after f{future} never was")
            case Deliver(futures):
                self.say(("delivered", *futures), "delivered: " + ", ".join(f"$f{each}" for each in futures))
            case Cancel(future) | Timeout(future) | End(future):
                word = type(happened).__name__.lower()
                self.say((word, future), f"   f{future}: {word}")


def _shown(value: Value) -> str:
    return f"error: {value.kind}, {value.message}" if isinstance(value, ErrorValue) else canonical(value)


def _worlds(left: str, right: str) -> list[tuple[str, str, str]]:
    """What differs between the states of two worlds: (name, here, there)."""
    try:
        here, there = json.loads(left), json.loads(right)
        names = sorted({*here, *there})
    except (ValueError, TypeError):
        here = dict(line.partition(" = ")[::2] for line in left.splitlines())
        there = dict(line.partition(" = ")[::2] for line in right.splitlines())
        names = sorted({*here, *there})
    absent = object()
    return [
        (name, *("absent" if name not in side else _text(side[name]) for side in (here, there)))
        for name in names
        if here.get(name, absent) != there.get(name, absent)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) and value[:1] in "{[" else canonical(value)


def _first_difference(left: Sequence[Line], right: Sequence[Line]) -> tuple[int | None, int | None]:
    """Where the left lane first says something else than the right one of the same subject, or what that never says."""
    places = {line.subject: place for place, line in enumerate(right)}
    for place, line in enumerate(left):
        other = places.get(line.subject)
        if other is None or right[other].text != line.text:
            return place, other
    said = {line.subject for line in left}
    return None, next((place for place, line in enumerate(right) if line.subject not in said), None)
