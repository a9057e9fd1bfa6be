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
from .first_seen import FirstSeen
from .model_file import Quantity
from .models import Models
from .script import NextMessage, ToolUse
from .writing import Writing

AT_ONCE: Final = FirstSeen()

# Seconds until something of a message is seen, and from there to the end.
Pace = Callable[[EmittedMessage], tuple[float, float]]

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

    def pace(message: EmittedMessage) -> tuple[float, float]:
        begun_s = decoder.ttft_s(message.uncached_tokens or 0)
        ended_s = begun_s + (message.tokens or 0) * decoder.itl_s()
        seen_s = min(ended_s, max(0.0, begun_s + seen.of(message)))
        return seen_s, ended_s - seen_s

    return pace


def with_recorded(pace: Pace, *, ttft: bool, decode: bool) -> Pace:
    """`pace`, but for the times that were recorded and are to be taken as they were."""

    def mixed(message: EmittedMessage) -> tuple[float, float]:
        ttft_s, decode_s = pace(message)
        return message.ttft_s if ttft else ttft_s, message.decode_s if decode else decode_s

    return mixed


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
        ttft_s, decode_s = self._pace(self._saying)
        return Writing(
            prompt_tokens=self._saying.uncached_tokens or 0,
            uncached_tokens=self._saying.uncached_tokens or 0,
            tokens=self._saying.tokens or 0,
            first_token_s=ttft_s,
            calls_s=tuple(ttft_s + call.share * decode_s for call in self._saying.calls),
            texts=tuple(call.text for call in self._saying.calls),
            end_s=ttft_s + decode_s,
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
