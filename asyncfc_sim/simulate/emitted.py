"""A run simulated again from what its model wrote: the same messages, under the same policy, at a pace that is given.

The messages are those that were written, whatever the model would have said had it been shown its values earlier or
later. So what is predicted is when things happen (the decoder's pace, the schedule, the waiting), and not what a model
says. Where the simulated session asks once more than the model was asked, it is answered again; where it asks less
often, the rest of the turn is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.traces.emission import Emission, EmittedMessage, answered_s
from asyncfc_sim.traces.trace import Header
from asyncfc_sim.workloads.recorded_times import Recorded
from asyncfc_sim.workloads.workload import Task, Turn

from .decoder import Decoder
from .driver import Simulation
from .durations import DurationModel, Rule
from .first_seen import AT_ONCE, FirstSeen
from .model_file import Quantity
from .models import Models
from .script import NextMessage, ToolUse
from .writing import Writing


@dataclass(frozen=True, slots=True)
class Times:
    """When something of a message is seen, each of its calls is complete, and it ends: seconds after the request."""

    seen_s: float
    calls_s: tuple[float, ...]
    end_s: float


Pace = Callable[[EmittedMessage], Times]

_ZERO: Final = Quantity(0.0, "s", 0, "a call that did not run when it was recorded", "assumed")
AS_RECORDED: Final = DurationModel(
    "recorded", "as recorded", {"unknown": _ZERO}, (), Rule("*", "unknown", "assumed", "")
)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it. `extra_requests` were answered with what had been written before; `left_out` messages were not
    asked for."""

    answered_s: float
    requests: int
    extra_requests: int
    left_out: int
    gave_up: str | None


def modelled(decoder: Decoder, seen: FirstSeen = AT_ONCE) -> Pace:
    """A pace by a timing model; `seen` says when a message is first seen. Messages must have their tokens counted."""

    def pace(message: EmittedMessage) -> Times:
        begun_s = decoder.ttft_s(message.uncached_tokens or 0)
        end_s = begun_s + (message.tokens or 0) * decoder.token_s(message.text_share)
        later_s = seen.of(message.opens_with_call)
        # A call keeps its place among the tokens, which had begun before something was seen.
        had_begun_s = min(message.ttft_s, max(0.0, message.ttft_s - later_s))
        decoded_s = message.llm_s - had_begun_s
        shares = [(call.complete_s - had_begun_s) / decoded_s if decoded_s > 0 else 1.0 for call in message.calls]
        calls_s = tuple(min(end_s, begun_s + share * (end_s - begun_s)) for share in shares)
        return Times(min(max(0.0, begun_s + later_s), *calls_s, end_s), calls_s, end_s)

    return pace


def recorded(message: EmittedMessage) -> Times:
    """The pace that it had."""
    return Times(message.ttft_s, tuple(call.complete_s for call in message.calls), message.llm_s)


def seen_as_recorded(pace: Pace) -> Pace:
    """`pace`, but for when something of a message is first seen: all of it is as much later as that was."""

    def shifted(message: EmittedMessage) -> Times:
        times = pace(message)
        later_s = message.ttft_s - times.seen_s
        calls_s = tuple(max(message.ttft_s, call_s + later_s) for call_s in times.calls_s)
        return Times(message.ttft_s, calls_s, times.end_s + later_s)

    return shifted


def play(
    given: Emission,
    policy: Policy,
    tools: Mapping[str, Tool],
    decoder: Decoder,
    pace: Pace,
    *,
    call_s: Mapping[int, float] | None = None,
) -> Played:
    """Simulate the run again; `call_s` are durations by future, instead of the recorded ones.

    `decoder` is for what is asked beyond what was written.
    """
    task = Task(
        name=given.name,
        source="a recorded run",
        turns=tuple(Turn(turn.prompt, Program(())) for turn in given.turns),
        tools=tools,
        kinds={},
        make_world=partial(_World, given.values),
        recorded=Recorded(call_s=given.call_s if call_s is None else call_s),
    )
    speaker = _Speaker(given, task.turns, pace)
    header = Header(run=given.name, source="simulate", policy=policy.name, case=given.name)
    models = Models(decoder, AS_RECORDED)
    run = Simulation(task, policy, models, header, conversation=speaker, writer=speaker, grace_as_live=True).run()
    left_out = sum(len(turn.messages) for turn in given.turns) - (run.requests - speaker.extra)
    return Played(answered_s(run.recorder.events), run.requests, speaker.extra, left_out, run.gave_up)


class _Speaker:
    """Conversation and writer in one: what is said next, and how long it takes."""

    def __init__(self, given: Emission, turns: Sequence[Turn], pace: Pace) -> None:
        self._given, self._turns, self._pace = given, turns, pace
        self._place = 0  # of the next message of the turn
        self._saying: EmittedMessage | None = None
        self.turn = 0
        self.extra = 0

    def next_turn(self, numbered: int) -> Turn | None:
        if self.turn == len(self._turns):
            return None
        self.turn, self._place = self.turn + 1, 0
        return self._turns[self.turn - 1]

    def next_message(self) -> NextMessage:
        messages = self._given.turns[self.turn - 1].messages
        if self._place < len(messages):
            self._saying = messages[self._place]
        else:  # it is asked once more than it was
            self._saying = replace(messages[-1], calls=())
            self.extra += 1
        self._place += 1
        # Numbered as the session numbers them; `origin` below says so.
        calls = tuple(ToolUse(call.tool, call.args) for call in self._saying.calls)
        return NextMessage(calls, self.turn)

    def time(self, message: NextMessage, transcript: Sequence[dict[str, Any]], cached: int) -> Writing:
        assert self._saying is not None
        times = self._pace(self._saying)
        return Writing(
            prompt_tokens=self._saying.uncached_tokens or 0,
            uncached_tokens=self._saying.uncached_tokens or 0,
            tokens=self._saying.tokens or 0,
            first_token_s=times.seen_s,
            calls_s=times.calls_s,
            texts=tuple(call.text for call in self._saying.calls),
            end_s=times.end_s,
        )

    def origin(self, number: int) -> int:
        return number

    def show(self, values: Mapping[int, Value]) -> None:
        """Whatever it is shown, it says what it said."""

    def stop(self) -> None:
        """As above."""

    def by_origin(self, values: Mapping[int, Value]) -> dict[int, Value]:
        return dict(values)


class _World:
    """Returns what was returned."""

    def __init__(self, values: Mapping[int, Value]) -> None:
        self._values = values

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        return self._values.get(future, ErrorValue("tool_error", "it did not run when it was recorded", future))

    def state(self) -> str:
        return ""

    def copy(self) -> _World:
        return _World(self._values)
