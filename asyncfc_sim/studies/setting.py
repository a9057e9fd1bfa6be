"""The inputs of one simulated point by name, and what becomes of them: models, arms and shapes.

decoder          a name in models/decoders                       decode_scale   all decoding so many times as long
tools            a name in models/tools                          tool_scale     every call so many times as long
delay_s          every call of every tool takes so many seconds  delay_s.KIND   every call of one kind does
shape.FIGURE     a figure of the shape (`shape.search.sees`)     await_thinking whether awaiting takes thinking
grace, delivery, dependence, await_rate: of the policy whose speed-up it is, as for `asyncfc simulate`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, get_args

from asyncfc_sim.core.policy import Delivery
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import Arm
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.scaling import constant_durations, constant_kinds, scaled_decoder, scaled_durations
from asyncfc_sim.simulate.script import Dependence, Messages
from asyncfc_sim.simulate.study import Study

Input = float | str | bool
Setting = Mapping[str, Input]

POLICY_INPUTS: Final = ("grace", "delivery", "dependence", "await_rate")
DEFAULTS: Final[Mapping[str, float | bool]] = {"decode_scale": 1.0, "tool_scale": 1.0, "await_thinking": True}
_NUMBERS: Final = ("decode_scale", "tool_scale", "delay_s", "await_rate")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {"delivery": get_args(Delivery), "dependence": get_args(Dependence)}
_NAMES: Final = ("decoder", "tools")
_PREFIXES: Final = ("delay_s.", "shape.")


@dataclass(frozen=True, slots=True)
class Axis:
    """An input that is scanned, and the values that it is given."""

    key: str
    values: tuple[Input, ...]

    @property
    def numeric(self) -> bool:
        """Whether values lie between its values."""
        return all(isinstance(value, float) for value in self.values)


def check_input(key: str, value: object) -> Input:
    """The value, if an input of this name may have it. Raises ValueError."""
    if key in _NAMES and isinstance(value, str):
        return value
    if key in _WORDS and value in _WORDS[key]:
        return str(value)
    if key == "await_thinking" and isinstance(value, bool):
        return value
    if key == "grace" and value == "auto":
        return "auto"
    if key in _NUMBERS or key == "grace" or key.startswith(_PREFIXES):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise ValueError(f"expected a number that is not negative, not {value!r}")
        return float(value)
    known = (*_NAMES, *_WORDS, "await_thinking", "grace", *_NUMBERS, *(f"{prefix}NAME" for prefix in _PREFIXES))
    if key in known:
        expected = ", ".join(_WORDS.get(key, ("another kind of value",)))
        raise ValueError(f"expected {expected}, not {value!r}")
    raise ValueError(f"there is no such input; there are: {', '.join(known)}")


def grid(given: Setting, scan: Sequence[Axis]) -> Iterator[dict[str, Input]]:
    """Every combination of the scanned values, the last axis fastest, each with what is given."""
    for values in product(*(axis.values for axis in scan)):
        yield {**given, **{axis.key: value for axis, value in zip(scan, values, strict=True)}}


def models_of(setting: Setting) -> Models:
    """The models of a point. Raises ModelFileError or ScalingError."""
    decoder = load_decoder(str(setting.get("decoder", "gpt-4o")))
    durations = load_durations(str(setting.get("tools", "default")))
    if "delay_s" in setting:
        durations = constant_durations(float(setting["delay_s"]))
    kinds = {key.removeprefix("delay_s."): float(v) for key, v in setting.items() if key.startswith("delay_s.")}
    durations = scaled_durations(
        constant_kinds(durations, kinds), float(setting.get("tool_scale", DEFAULTS["tool_scale"]))
    )
    decoder = scaled_decoder(decoder, float(setting.get("decode_scale", DEFAULTS["decode_scale"])))
    return Models(decoder, durations, await_thinking=bool(setting.get("await_thinking", DEFAULTS["await_thinking"])))


def figures_of(setting: Setting) -> dict[str, float]:
    """The figures of the shape that a point changes."""
    return {key.removeprefix("shape."): float(v) for key, v in setting.items() if key.startswith("shape.")}


def arm_of(policy: str, messages: Messages, setting: Setting) -> Arm:
    """The arm of a policy at a point, with no cap on the calls of one tool, as no paper has one. Raises StudyError."""
    chosen: dict[str, Any] = {key: setting[key] for key in ("delivery", "await_rate") if key in setting}
    study = Study(
        policies=(policy,),
        graces=(setting.get("grace", 0.0),),  # type: ignore[arg-type]
        messages=(messages,),
        dependence=(setting.get("dependence", "values"),),  # type: ignore[arg-type]
        **chosen,
    )
    arm = study.arms()[-1]
    if arm.policy is None:
        return arm
    return replace(arm, policy=replace(arm.policy, max_running_per_tool=arm.policy.max_running))


def named(setting: Setting, keys: Sequence[str]) -> str:
    """Some inputs of a point, in words."""
    return ", ".join(f"{key} = {shown(setting[key])}" for key in keys)


def shown(value: Input) -> str:
    """A value of an input as text."""
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else value
