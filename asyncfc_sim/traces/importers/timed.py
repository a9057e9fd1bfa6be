"""Messages, calls and results with the points in time at which a client saw them, and the turns that they make.

A request is taken to have been made when the last result or message of the user before it was there. A tool that does
not tell how long it took is taken to have started when its message had ended and the call before it had its result, or
when it was emitted if its result was there before that: an upper bound, in which a person's approval is contained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.sessions import Provenance, RecordedCall, RecordedStep, RecordedTurn

from .flow import recorded_result
from .kinds import effect_of, kind_of
from .times import DIGITS, elapsed

# Times that were taken from one point that was seen to another are measured; the others rest on what is said above.
PROVENANCE: Final[dict[str, Provenance]] = {
    "arrival_s": "measured",
    "turn.user_gap_s": "measured",
    "step.prompt_tokens": "measured",
    "step.cached_tokens": "measured",
    "step.out_tokens": "measured",
    "step.llm_s": "derived",
    "call.kind": "derived",
    "call.emit_s": "derived",
    "call.exec_s": "derived",
    "call.result_chars": "measured",
    "call.deps": "derived",
    "call.reads": "derived",
    "call.effect": "derived",
}


@dataclass(slots=True)
class TimedCall:
    """A call, complete in the stream at `emitted_s`, with its result at `result_s`. Seconds since 1970."""

    id: str
    tool: str
    emitted_s: float
    args: dict[str, JSON] | None = None
    result_s: float | None = None
    result: str | None = None
    result_chars: int | None = None
    own_s: float | None = None  # how long it took, as the tool or its client says
    error: bool = False


@dataclass(slots=True)
class TimedMessage:
    """A message, asked for at `asked_s`, complete at `end_s`; `prompts` came from the user since the message before."""

    model: str | None
    asked_s: float | None
    end_s: float
    prompts: list[tuple[float, str | None]] = field(default_factory=list)
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    out_tokens: int | None = None
    calls: list[TimedCall] = field(default_factory=list)

    def since_asked(self, time_s: float) -> float | None:
        """Seconds from the request. Raises FieldFault if time ran backwards."""
        return None if self.asked_s is None else elapsed(self.asked_s, time_s, "from its request, a message")


def turns(messages: Iterable[TimedMessage]) -> Iterator[RecordedTurn]:
    """The turns: each begins with a message of the user. Raises FieldFault where time ran backwards."""
    grouped: list[list[TimedMessage]] = []
    for message in messages:
        if message.prompts or not grouped:
            grouped.append([])
        grouped[-1].append(message)
    end_s: float | None = None
    for turn in grouped:
        prompts = turn[0].prompts
        # Who writes while the agent is still at work does not pause at all.
        gap_s = max(0.0, round(prompts[0][0] - end_s, DIGITS)) if prompts and end_s is not None else None
        prompt = "\n".join(text for _, text in prompts if text) or None
        yield RecordedTurn(user_gap_s=gap_s, prompt=prompt, steps=tuple(map(_step, turn)))
        end_s = turn[-1].end_s


def _step(message: TimedMessage) -> RecordedStep:
    exec_s = dict(_exec_s(message))
    return RecordedStep(
        model=message.model,
        prompt_tokens=message.prompt_tokens,
        cached_tokens=message.cached_tokens,
        out_tokens=message.out_tokens,
        llm_s=message.since_asked(message.end_s),
        calls=tuple(
            RecordedCall(
                id=call.id,
                tool=call.tool,
                kind=kind_of(call.tool, call.args),
                args=call.args,
                emit_s=message.since_asked(call.emitted_s),
                exec_s=exec_s.get(call.id),
                result=None if call.result is None else recorded_result(call.result),
                result_chars=call.result_chars,
                effect=effect_of(call.tool, call.args),
                error=call.error,
            )
            for call in message.calls
        ),
    )


def _exec_s(message: TimedMessage) -> Iterator[tuple[str, float]]:
    """How long each tool ran, in the order of the results."""
    before_s = message.end_s
    timed = [(call.result_s, call) for call in message.calls if call.result_s is not None]
    for result_s, call in sorted(timed, key=lambda item: item[0]):
        start_s = before_s if result_s >= message.end_s else call.emitted_s
        yield call.id, elapsed(start_s, result_s, f"the call {call.id!r}") if call.own_s is None else call.own_s
        before_s = max(before_s, result_s)
