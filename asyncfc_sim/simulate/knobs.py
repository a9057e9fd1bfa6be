"""The knobs of a sweep, one row each: what values they take, what they change, and what an arm has of them.

To add a knob, add a row to `KNOBS`, and the field of `Point` or `Study` that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from typing import Any, get_args

from asyncfc_sim.core.policy import Delivery
from asyncfc_sim.core.scheduler import Failure

from .decoder import load_decoder
from .durations import load_durations
from .experiment import SYNC, Arm
from .script import Dependence, Messages
from .study import BOUND, Study, known, parse_graces

RECORDED = "recorded"  # a decoder or durations: as the workload was recorded
KnobValue = str | float | int
TURN: Messages = "turn"


class SweepError(ValueError):
    """A sweep that cannot be run; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Point:
    """Everything that decides a result, but for the workload: models by name, and what they are multiplied by."""

    study: Study
    decoder: str
    durations: str
    seed: int = 0
    tool_scale: float = 1.0
    decode_scale: float = 1.0
    max_running: int | None = None

    def arms(self) -> list[Arm]:
        """The arms of the study, sync among them. `max_running` is for those that run calls side by side."""
        arms = self.study.arms()
        if self.max_running is None:
            return arms
        return [_capped(arm, self.max_running) for arm in arms]

    def asked(self, arm: Arm) -> bool:
        """Whether the arm is one of those asked for; sync is run in any case, because speed-ups are over it."""
        return arm.label != SYNC or SYNC in self.study.policies


@dataclass(frozen=True, slots=True)
class Knob:
    """`parse` raises ValueError for what is no value; `of` is None for arms to which the knob means nothing.

    `axis` is the label of a numeric knob in a figure, with its unit.
    """

    name: str
    expects: str
    parse: Callable[[str], Any]
    put: Callable[[Point, Any], Point]
    of: Callable[[Point, Arm], KnobValue | None]
    axis: str = ""

    def value(self, text: str) -> Any:
        """One value. Raises SweepError, or what reading a model raises."""
        try:
            return self.parse(text)
        except ValueError as error:
            # A model file says best itself what is wrong with it.
            if type(error) is not ValueError:
                raise
            raise SweepError(f"--sweep {self.name}: {text!r} is no value of it; expected {self.expects}") from None


def _in_study(field: str, *, many: bool = False) -> Callable[[Point, Any], Point]:
    def put(point: Point, value: Any) -> Point:
        change: dict[str, Any] = {field: (value,) if many else value}
        return replace(point, study=replace(point.study, **change))

    return put


def _in_point(field: str) -> Callable[[Point, Any], Point]:
    return lambda point, value: replace(point, **{field: value})


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return parse


def _number(text: str, low: float, high: float = inf, *, above: bool = False) -> float:
    number = float(text)
    if not low <= number <= high or number == inf or (above and number == low):
        raise ValueError(text)
    return number


def _count(text: str, low: int) -> int:
    number = int(text)
    if number < low:
        raise ValueError(text)
    return number


def _model(load: Callable[[str], object]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text != RECORDED:
            load(text)
        return text

    return parse


def _futures(arm: Arm) -> bool:
    return arm.policy is not None and arm.policy.futures


def _await_rate(arm: Arm) -> float | None:
    """None for a model that awaits everything anyway, or has nothing to await."""
    return arm.await_rate if _futures(arm) and arm.dependence == "values" else None


def _max_running(arm: Arm) -> int | None:
    """How many calls may run at once; None for arms that never run two (sync), or have no limit (the bound)."""
    return None if arm.policy is None or arm.policy.name == SYNC else arm.policy.max_running


def _capped(arm: Arm, max_running: int) -> Arm:
    if arm.policy is None or _max_running(arm) is None:
        return arm
    return replace(arm, policy=replace(arm.policy, max_running=max_running))


def _grace(arm: Arm) -> KnobValue | None:
    policy = arm.policy
    return policy.grace_s if policy is not None and policy.name == "asyncfc" else None


KNOBS: Mapping[str, Knob] = {
    knob.name: knob
    for knob in (
        Knob(
            "policy",
            f"one of {', '.join(known())}",
            _one_of(*known()),
            _in_study("policies", many=True),
            lambda point, arm: BOUND if arm.policy is None else arm.policy.name,
        ),
        Knob(
            "grace",
            "seconds, inf or auto",
            lambda text: parse_graces(text)[0],
            _in_study("graces", many=True),
            lambda point, arm: _grace(arm),
            "grace before a placeholder (s)",
        ),
        Knob(
            "delivery",
            f"one of {', '.join(get_args(Delivery))}",
            _one_of(*get_args(Delivery)),
            _in_study("delivery"),
            lambda point, arm: arm.policy.delivery if arm.policy is not None and _grace(arm) is not None else None,
        ),
        Knob(
            "failure",
            f"one of {', '.join(get_args(Failure))}",
            _one_of(*get_args(Failure)),
            _in_study("failure"),
            lambda point, arm: None if arm.policy is None else arm.policy.failure,
        ),
        Knob(
            "messages",
            f"one of {', '.join(get_args(Messages))}",
            _one_of(*get_args(Messages)),
            _in_study("messages", many=True),
            lambda point, arm: arm.messages,
        ),
        Knob(
            "dependence",
            f"one of {', '.join(get_args(Dependence))}",
            _one_of(*get_args(Dependence)),
            _in_study("dependence", many=True),
            lambda point, arm: arm.dependence if _futures(arm) else None,
        ),
        Knob(
            "await_rate",
            "a chance between 0 and 1",
            lambda text: _number(text, 0, 1),
            _in_study("await_rate"),
            lambda point, arm: _await_rate(arm),
            "chance to await all before a message",
        ),
        Knob(
            "max_running",
            "a number of calls from 1",
            lambda text: _count(text, 1),
            _in_point("max_running"),
            lambda point, arm: _max_running(arm),
            "calls that may run at once",
        ),
        Knob(
            "decoder",
            "a name in models/decoders or a TOML file",
            _model(load_decoder),
            _in_point("decoder"),
            lambda point, arm: point.decoder,
        ),
        Knob(
            "durations",
            "a name in models/tools or a TOML file",
            _model(load_durations),
            _in_point("durations"),
            lambda point, arm: point.durations,
        ),
        Knob(
            "tool_scale",
            "a factor from 0",
            lambda text: _number(text, 0),
            _in_point("tool_scale"),
            lambda point, arm: point.tool_scale,
            "tool times (times the model's)",
        ),
        Knob(
            "decode_scale",
            "a factor above 0",
            lambda text: _number(text, 0, above=True),
            _in_point("decode_scale"),
            lambda point, arm: point.decode_scale,
            "decoding times (times the model's)",
        ),
        Knob(
            "seed",
            "a whole number from 0",
            lambda text: _count(text, 0),
            _in_point("seed"),
            lambda point, arm: point.seed,
        ),
    )
}


def parse_sweeps(texts: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """`["grace=0,auto", "seed=0,1"]` -> the values of each knob, in order, each once. Raises SweepError."""
    sweeps: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals:
            raise SweepError(f"--sweep {text!r}: expected KNOB=VALUE,VALUE,...")
        if name not in KNOBS:
            raise SweepError(f"--sweep {text!r}: there is no knob {name!r}; there are: {', '.join(KNOBS)}")
        if name in sweeps:
            raise SweepError(f"--sweep {text!r}: {name} is swept already; give all of its values at once")
        sweeps[name] = tuple(dict.fromkeys(KNOBS[name].value(word.strip()) for word in values.split(",")))
    return sweeps


def product_of(base: Point, sweeps: Mapping[str, tuple[Any, ...]]) -> list[Point]:
    """Every combination, the last knob turning fastest; `base` where nothing is swept.

    `plan` is left out where calls do not come a turn at a time. Raises StudyError if no arm is left.
    """
    points = []
    for values in product(*sweeps.values()):
        point = base
        for name, value in zip(sweeps, values, strict=True):
            point = KNOBS[name].put(point, value)
        points.append(point)
    swept = {"policy", "messages"} & sweeps.keys()
    possible = [_possible(point) for point in points] if swept else points
    kept = [point for point in possible if point.study.policies] or points
    for point in kept:
        point.study.arms()
    return kept


def _possible(point: Point) -> Point:
    study = point.study
    if TURN in study.messages:
        return point
    return replace(point, study=replace(study, policies=tuple(name for name in study.policies if name != "plan")))


def columns(point: Point, arm: Arm) -> dict[str, KnobValue | None]:
    """What an arm of a point has of each knob."""
    return {name: knob.of(point, arm) for name, knob in KNOBS.items()}
