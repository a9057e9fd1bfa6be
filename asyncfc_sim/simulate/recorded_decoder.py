"""The decoder of a recording: for messages that were never recorded, such as an await, at the speed of those that were.

It takes two figures from the recorded messages, the time to the first token and the time per token; the rest (tokens of
an await, of a placeholder, ...) is that of the decoder it is built on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from asyncfc_sim.workloads.recorded_times import RecordedMessage
from asyncfc_sim.workloads.workload import Task

from .decoder import Curve, Decoder
from .model_file import Quantity

ENOUGH = 10  # messages; of different lengths, where the time of a token is to be told from that of a request


def recorded_decoder(tasks: Iterable[Task], base: Decoder) -> Decoder:
    """`base` at the speed of the recorded messages of `tasks`; `base` itself where too little was recorded to say."""
    messages = list({id(message): message for task in tasks for message in _messages(task)}.values())
    timed = [message for message in messages if message.llm_s is not None and message.tokens > 0]
    first = [message for message in timed if message.ttft_s is not None]
    if len(first) >= ENOUGH:
        ttft_s = median(message.ttft_s or 0.0 for message in first)
        itl_s = median(((message.llm_s or 0.0) - (message.ttft_s or 0.0)) / message.tokens for message in first)
        how, n = "median of the recorded messages", len(first)
    elif len({message.tokens for message in timed}) < ENOUGH:
        return base
    else:
        ttft_s, itl_s = _line(timed)
        how, n = "least squares of the recorded messages' time on their tokens", len(timed)
    if ttft_s < 0 or itl_s <= 0:
        return base
    return replace(
        base,
        name=f"recorded (else {base.name})",
        ttft=Curve(((0, Quantity(ttft_s, "s", n, how, "derived")),), base.ttft.slope),
        itl=Curve(((1, Quantity(itl_s, "s/token", n, how, "derived")),), replace(base.itl.slope, value=0.0)),
        itl_text=None,
        itl_call=None,
    )


def _messages(task: Task) -> Sequence[RecordedMessage]:
    recorded = task.recorded
    return [] if recorded is None else [part.message for part in (*recorded.parts.values(), *recorded.answers.values())]


def _line(timed: Sequence[RecordedMessage]) -> tuple[float, float]:
    """Seconds at no token, and per token. A negative opening is none: then the line goes through the origin."""
    tokens = np.array([message.tokens for message in timed], dtype=np.float64)
    seconds = np.array([message.llm_s for message in timed], dtype=np.float64)
    slope, opening = np.polyfit(tokens, seconds, 1)
    if opening < 0:
        opening, slope = 0.0, float(seconds.sum() / tokens.sum())
    return float(opening), float(slope)
