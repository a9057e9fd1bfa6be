"""Timing models made faster or slower, and tools that all take the same time: for "what if" and for unknown inputs.

A scaled figure was not measured: it is marked assumed, and its note says what it was scaled from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from asyncfc_sim.workloads.recorded_times import Recorded, RecordedMessage, RecordedPart

from .decoder import Curve, Decoder
from .durations import DurationModel, Rule
from .model_file import Quantity


class ScalingError(ValueError):
    """A factor or a duration that is no finite number from zero up."""


def scaled_durations(model: DurationModel, factor: float) -> DurationModel:
    """The same tools, each call `factor` times as long. Raises ScalingError."""
    _check(factor, "a factor")
    if factor == 1:
        return model
    kinds = {name: _scaled(figure, factor) for name, figure in model.kinds.items()}
    title = f"{model.title}; every call {factor:g} times as long (assumed)"
    return DurationModel(f"{model.name} x {factor:g}", title, kinds, model.rules, model.default)


def scaled_decoder(decoder: Decoder, factor: float) -> Decoder:
    """The same decoder, each prompt and each token `factor` times as long. Tokens stay. Raises ScalingError."""
    _check(factor, "a factor")
    if factor == 1:
        return decoder
    return replace(
        decoder,
        name=f"{decoder.name} x {factor:g}",
        title=f"{decoder.title}; all decoding {factor:g} times as long (assumed)",
        ttft=_scaled_curve(decoder.ttft, factor),
        itl=_scaled_curve(decoder.itl, factor),
        itl_text=None if decoder.itl_text is None else _scaled(decoder.itl_text, factor),
        itl_call=None if decoder.itl_call is None else _scaled(decoder.itl_call, factor),
    )


def scaled_recording(recorded: Recorded, tools: float, decoding: float) -> Recorded:
    """The same recording, its tools `tools` times and its messages `decoding` times as long. Raises ScalingError."""
    _check(tools, "a factor")
    _check(decoding, "a factor")
    slower: dict[int, RecordedMessage] = {}  # a message is one object in all of its parts

    def part(one: RecordedPart) -> RecordedPart:
        message = one.message
        if id(message) not in slower:
            ttft_s = None if message.ttft_s is None else decoding * message.ttft_s
            llm_s = None if message.llm_s is None else decoding * message.llm_s
            slower[id(message)] = replace(message, ttft_s=ttft_s, llm_s=llm_s)
        return replace(one, message=slower[id(message)])

    return replace(
        recorded,
        call_s={call: tools * seconds for call, seconds in recorded.call_s.items()},
        parts={call: part(one) for call, one in recorded.parts.items()},
        answers={turn: part(one) for turn, one in recorded.answers.items()},
    )


def constant_durations(seconds: float) -> DurationModel:
    """Every call of every tool takes `seconds`. Raises ScalingError."""
    figure = _constant(seconds)
    default = Rule("*", "constant", "assumed", "every tool takes as long")
    name = f"constant {seconds:g} s"
    return DurationModel(name, f"Every call takes {seconds:g} s (assumed)", {"constant": figure}, (), default)


def constant_kinds(model: DurationModel, seconds: Mapping[str, float]) -> DurationModel:
    """The same tools, but every call of these kinds takes so many seconds. Raises ScalingError."""
    if not seconds:
        return model
    kinds = {**model.kinds, **{kind: _constant(each) for kind, each in seconds.items()}}
    words = ", ".join(f"{kind} {each:g} s" for kind, each in sorted(seconds.items()))
    title = f"{model.title}; with {words} (assumed)"
    return DurationModel(f"{model.name} with {words}", title, kinds, model.rules, model.default)


def _constant(seconds: float) -> Quantity:
    _check(seconds, "a duration in seconds")
    return Quantity(seconds, "s", 0, "no measurement", "assumed", "the same for every call")


def _check(number: float, what: str) -> None:
    if not 0 <= number < inf:
        raise ScalingError(f"{what} is a finite number, zero or more, not {number:g}")


def _scaled_curve(curve: Curve, factor: float) -> Curve:
    points = tuple((count, _scaled(figure, factor)) for count, figure in curve.points)
    return Curve(points, _scaled(curve.slope, factor))


def _scaled(figure: Quantity, factor: float) -> Quantity:
    note = "; ".join(filter(None, (f"{factor:g} x a {figure.provenance} figure", figure.note)))
    # Quantiles are interpolated in logarithms, which zero has none of.
    quantiles = tuple((p, factor * value) for p, value in figure.quantiles) if factor else ()
    return replace(figure, value=factor * figure.value, provenance="assumed", note=note, quantiles=quantiles)
