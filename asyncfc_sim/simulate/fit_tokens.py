"""How many tokens a model writes: in a call, in a message besides its calls, and in an answer; and what is assumed.

Tokens of a call are those between two calls of one message, where the stream was timed in tokens, or else its text by
length: with the characters a token of messages with calls, where their text is known, or else by a rule of thumb. Where
nothing tells calls from prose, all of a message counts as prose, which is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from asyncfc_sim.traces.sessions import RecordedSession, RecordedStep

from .model_file import QUANTILES, Quantity

ENOUGH: Final = 10
CHARS_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """Characters a token; tokens of a call, of a message besides its calls, of an answer; None where too little was
    recorded."""

    chars_per_token: Quantity | None
    call: Quantity | None
    step: Quantity | None
    answer: Quantity | None


@dataclass(frozen=True, slots=True)
class AssumedTokens:
    """What no recording says, or this one does not."""

    chars_per_token: Quantity
    step: Quantity
    answer: Quantity
    await_: Quantity
    placeholder: Quantity


def assumed_tokens(chars_per_token: Quantity | None = None) -> AssumedTokens:
    """The figures that the decoders in models/decoders share, with their sources; by `chars_per_token` if known."""
    chars_per_token = chars_per_token or Quantity(
        CHARS_PER_TOKEN, "characters/token", "not stated", "rule of thumb for English text", "assumed"
    )
    each = chars_per_token.value

    def of_text(text: str) -> Quantity:
        tokens = math.ceil(len(text) / each)
        return Quantity(tokens, "tokens", 1, text, "derived", f"characters / {each:.3g}, rounded up")

    azure = ((0.10, 54.0), (0.50, 129.0), (0.90, 424.0), (0.99, 601.0))
    return AssumedTokens(
        chars_per_token=chars_per_token,
        step=Quantity(
            10,
            "tokens",
            "not stated",
            "models/decoders/gpt-4o.toml",
            "assumed",
            "too few recorded messages with calls: as a function-calling model without a reasoning channel",
        ),
        answer=Quantity(
            129,
            "tokens",
            19366,
            "Azure LLM inference trace 2023, conv (GeneratedTokens)",
            "assumed",
            "too few recorded answers: measured on a conversation service, assumed to hold for this model",
            azure,
        ),
        await_=of_text('{"name": "await_future", "arguments": {"ids": ["$f1"]}}'),
        placeholder=of_text('{"future": "$f3", "status": "pending"}'),
    )


def token_figures(sessions: Sequence[RecordedSession], model: str | None, source: str, share: float) -> TokenFigures:
    """The figures of `model` (of any, if None); `share` is the R2 of the fit that they come with."""
    steps = [step for session in sessions for step in session.steps() if model in (None, step.model)]
    with_calls = [step for step in steps if step.calls and step.out_tokens]
    known = [each for step in with_calls if (each := step.chars_per_token) is not None]
    chars = _quantity(known, source, share, "characters of text and calls a token of messages with calls")
    if chars is not None:
        chars = replace(chars, unit="characters/token", quantiles=())
    between = [tokens for step in with_calls for tokens in _between_calls(step)]
    call = _quantity(between, source, share, "tokens between the ends of two calls of a message")
    apart = [tokens for step in with_calls if (tokens := _besides_calls(step, call)) is not None]
    if len(apart) >= ENOUGH:
        step = _quantity(apart, source, share, "output tokens less those of the calls, by their text or their place")
    else:
        whole = [step.out_tokens or 0 for step in with_calls]
        step = _quantity(
            whole, source, share, "all output tokens of messages with calls: nothing tells the calls apart"
        )
    answers = [step.out_tokens for step in _answers(sessions, model) if step.out_tokens]
    return TokenFigures(
        chars, call, step, _quantity(answers, source, share, "output tokens of messages that end a turn")
    )


def _between_calls(step: RecordedStep) -> Iterator[int]:
    for before, after in pairwise(call.emit_tok for call in step.calls):
        if before is not None and after is not None and after > before:
            yield after - before


def _besides_calls(step: RecordedStep, call: Quantity | None) -> int | None:
    """Output tokens of a message less those of its calls; None if the calls' are not known."""
    if call is not None:
        return max(1, (step.out_tokens or 0) - round(call.value) * len(step.calls))
    chars = [each.chars for each in step.calls]
    if None in chars:
        return None
    each = step.chars_per_token or CHARS_PER_TOKEN
    return max(1, (step.out_tokens or 0) - sum(math.ceil((count or 0) / each) for count in chars))


def _answers(sessions: Sequence[RecordedSession], model: str | None) -> Iterator[RecordedStep]:
    for session in sessions:
        for turn in session.turns:
            if turn.steps and not turn.steps[-1].calls and model in (None, turn.steps[-1].model):
                yield turn.steps[-1]


def _quantity(values: Sequence[float], source: str, share: float, what: str) -> Quantity | None:
    if len(values) < ENOUGH:
        return None
    found = np.percentile(values, [100 * p for p in QUANTILES.values()])
    quantiles = tuple((p, float(value)) for p, value in zip(QUANTILES.values(), found, strict=True))
    note = f"{what}; R2 {share:.3f} of the fit"
    return Quantity(dict(quantiles)[0.50], "tokens", len(values), source, "derived", note, quantiles)
