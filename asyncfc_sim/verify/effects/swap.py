"""Two calls from one state, in both orders: are the results and the state they lead to the same?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asyncfc_sim.core.values import ErrorValue, Value, canonical, same_json

from .access import Location, told
from .observation import Observation
from .subject import CannotCheck, Subject
from .trial import Trial

ORDERS: Final = ("in this order", "in the other order")
AT_ONCE: Final = ("one after the other", "at once")
_DETERMINISTIC: Final = "take time, chance and ids from what fresh() sets back"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial, in whatever order: the value of each call, and the state at the end."""

    values: tuple[Value, ...]  # of the prefix, the first, the second, the probe
    state: Observation


@dataclass(frozen=True, slots=True)
class Difference:
    """How two outcomes can be told apart: in words, and where in the state."""

    words: str
    places: tuple[Location, ...] = ()


def run(subject: Subject, trial: Trial, *, reverse: bool = False) -> Outcome:
    """Both calls, one after the other. A call keeps its number, whichever comes first."""
    values = reach(subject, trial)
    number = len(values) + 1
    calls = [(number, trial.first), (number + 1, trial.second)]
    both = [subject.call(*call) for call in (reversed(calls) if reverse else calls)]
    return finish(subject, trial, [*values, *(reversed(both) if reverse else both)])


def reach(subject: Subject, trial: Trial) -> list[Value]:
    """Go to the state that the trial begins in."""
    subject.reset(trial.start)
    return [subject.call(number, call) for number, call in enumerate(trial.prefix, start=1)]


def finish(subject: Subject, trial: Trial, values: list[Value]) -> Outcome:
    state = subject.observe()
    if trial.probe is not None:
        values.append(subject.call(len(values) + 1, trial.probe))
    return Outcome(tuple(values), state)


def swap(subject: Subject, trial: Trial) -> tuple[Outcome, Outcome]:
    """The outcomes of both orders."""
    return run(subject, trial), run(subject, trial, reverse=True)


def difference(trial: Trial, one: Outcome, other: Outcome, names: tuple[str, str]) -> Difference | None:
    """What tells two outcomes apart, if anything; `names` say how each came about."""
    calls = [*trial.prefix, trial.first, trial.second, *([trial.probe] if trial.probe else [])]
    places = tuple(one.state.changed(other.state))
    for call, here, there in zip(calls, one.values, other.values, strict=True):
        if not same(here, there):
            verb, other_verb = _verb(here), _verb(there)
            again = "" if verb == other_verb else f"{other_verb} "
            words = f"{call} {verb} {_shown(here)} {names[0]}, and {again}{_shown(there)} {names[1]}"
            return Difference(words, places)
    if not places:
        return None
    here, there = (outcome.state.content.get(places[0], "not there") for outcome in (one, other))
    return Difference(f"{told(places[0])} is {_short(here)} {names[0]}, and {_short(there)} {names[1]}", places)


def same(left: Value, right: Value) -> bool:
    if isinstance(left, ErrorValue) or isinstance(right, ErrorValue):
        return left == right
    return same_json(left, right) or repr(left) == repr(right)  # NaN equals nothing


def settled(subject: Subject, trial: Trial, outcome: Outcome) -> None:
    """Run the trial again: raises CannotCheck if the same calls in the same order come out differently."""
    again = run(subject, trial)
    calls = [*trial.prefix, trial.first, trial.second, *([trial.probe] if trial.probe else [])]
    for call, here, there in zip(calls, outcome.values, again.values, strict=True):
        if not same(here, there):
            raise CannotCheck(
                f"it is not deterministic: from the same state, {call} {_verb(here)} {_shown(here)} once, and "
                f"{_shown(there)} again; {_DETERMINISTIC}",
                call.tool,
            )
    if places := outcome.state.changed(again.state):
        why = f"the same calls, {trial}, leave {told(places[0])} different each time; {_DETERMINISTIC}"
        raise CannotCheck(why, trial.second.tool)


def _verb(value: Value) -> str:
    return "failed with" if isinstance(value, ErrorValue) else "returned"


def _shown(value: Value) -> str:
    return _short(value.message if isinstance(value, ErrorValue) else canonical(value))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
