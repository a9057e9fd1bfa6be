"""One recorded session as a task: its calls as programs, its times as recorded, its tools as a symbolic world.

What a recording lacks is assumed:
  - A call needs what value flow was recorded for it: `deps` become references, `reads` a touch before its message.
    Where neither was recorded nothing says what it waits for.
  - Tools have the footprints of agent_effects.toml, or those of a tools file. Another tool is taken by the recorded
    effect of each call: one that reads may read anything, any other may read and write everything.
  - Results are those recorded, or made up from all that a call could see, so that a wrong order shows.
  - An answer of which neither tokens nor time were recorded is as long as the decoder's; of another message without
    a count of tokens, those of its calls are counted by their length.
  - Within a message, calls end where they were seen to end, or else its tokens are counted back from its end, by the
    length of what was written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from math import ceil
from typing import Final

from asyncfc_sim.core.footprint import Declaration, template_arguments
from asyncfc_sim.core.references import Ref, Template
from asyncfc_sim.core.syntax import Call, Done, Program, Statement, Touch
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .escaped import EscapedDeclaration
from .recorded_times import Recorded, RecordedMessage, RecordedPart
from .symbolic import SymbolicWorld
from .tools_file import Entry
from .workload import Task, Turn

CALL_TOKENS: Final = 32  # of a call whose arguments were not recorded: median of GPT-4o's, BFCL-Result 2024-08-11
CHARS_PER_TOKEN: Final = 4  # a rule of thumb for English text and JSON
USES: Final = "uses"  # the argument that holds the references of a call


def recorded_task(session: RecordedSession, declared: Mapping[str, Entry] | None = None) -> Task:
    """One session as a task."""
    reader = _Reader(session, declared or {})
    turns = tuple(Turn(turn.prompt or "", reader.program(number, turn)) for number, turn in enumerate(session.turns, 1))
    calls = reader.calls
    return Task(
        name=session.session,
        source=session.source,
        turns=turns,
        tools=reader.tools,
        kinds=reader.kinds,
        make_world=partial(SymbolicWorld, reader.tools, partial(_answer, calls), frozenset(reader.tools)),
        recorded=Recorded(
            call_s={future: call.exec_s for future, call in calls.items() if call.exec_s is not None},
            kinds={future: call.kind for future, call in calls.items() if call.kind is not None},
            parts=reader.parts,
            answers=reader.answers,
            arrival_s=session.arrival_s,
            gaps_s=tuple(turn.user_gap_s for turn in session.turns),
            unknown_flow=sum(1 for call in calls.values() if call.deps is None and call.reads is None),
        ),
    )


class _Reader:
    """Goes through a session once, numbering its calls."""

    def __init__(self, session: RecordedSession, declared: Mapping[str, Entry]) -> None:
        self.calls: dict[int, RecordedCall] = {}
        self.tools: dict[str, Tool] = {}
        self.kinds: dict[str, str] = {}
        self.parts: dict[int, RecordedPart] = {}
        self.answers: dict[int, RecordedPart] = {}
        self._declared = declared
        self._futures: dict[str, int] = {}
        self._variants: dict[str, set[Tool]] = {}
        for call in session.calls():
            self._variants.setdefault(call.tool, set()).add(_tool(call, declared))

    def program(self, number: int, turn: RecordedTurn) -> Program:
        """The program of a turn. A message without calls before the last is thought that goes on in the next one."""
        first = len(self.calls) + 1
        body: list[Statement] = []
        thought: list[RecordedStep] = []
        for step in turn.steps:
            thought.append(step)
            if step.calls:
                body += self._statements(thought, first)
                thought = []
        if not thought or any(_is_known(step) for step in thought):
            message = _message(thought)
            self.answers[number] = RecordedPart(message, message.tokens, first=True, text_share=_text_share(thought))
        return Program((*body, Done(tuple(Ref(future) for future in range(first, len(self.calls) + 1)))))

    def _statements(self, steps: Sequence[RecordedStep], first: int) -> list[Statement]:
        calls = steps[-1].calls
        reads = {self._futures[name] for call in calls for name in _looked_at(call, self._failed)}
        touched = tuple(sorted(future for future in reads if future >= first))
        body: list[Statement] = [Touch(touched)] if touched else []
        message = _message(steps)
        ends = _ends(steps, message)
        text_share = _text_share(steps)
        before = 0
        for place, (call, end) in enumerate(zip(calls, ends, strict=True)):
            future = len(self.calls) + 1
            deps = [self._futures[name] for name in call.deps or () if name not in self._failed]
            body.append(Call(future, self._name(call), _arguments(call, [dep for dep in deps if dep >= first])))
            self.calls[future] = call
            self._futures[call.id] = future
            # What is said comes before the first call.
            text_tokens = message.tokens * text_share if place == 0 and text_share is not None else 0.0
            share = None if text_share is None else min(1.0, text_tokens / max(1, end - before))
            self.parts[future] = RecordedPart(message, end - before, first=place == 0, text_share=share)
            before = end
        return body

    @property
    def _failed(self) -> Collection[str]:
        return {call.id for call in self.calls.values() if call.error}

    def _name(self, call: RecordedCall) -> str:
        """The tool of a call; where calls of one tool have several footprints, there is a tool for each."""
        tool = _tool(call, self._declared)
        keyed = isinstance(tool.effects, EscapedDeclaration)
        name = call.tool if keyed or len(self._variants[call.tool]) == 1 else f"{call.tool}.{call.effect or 'any'}"
        self.tools[name] = replace(tool, name=name)
        self.kinds[name] = self._declared[call.tool].kind if call.tool in self._declared else call.tool
        return name


def _tool(call: RecordedCall, declared: Mapping[str, Entry]) -> Tool:
    if call.tool in declared:
        return declared[call.tool].tool
    known = _effects().get(call.tool)
    if known is not None and known.needs <= (call.args or {}).keys():
        return Tool(call.tool, effects=known.effects)
    return Tool(call.tool, effects=Declaration(reads=["*"]) if call.effect == "read" else None)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a tool of this name touches, if a call has the arguments that its keys need."""

    effects: Declaration
    needs: frozenset[str]


@cache
def _effects() -> Mapping[str, _Known]:
    text = files(__package__).joinpath("agent_effects.toml").read_text(encoding="utf-8")
    known = {}
    for name, keys in tomllib.loads(text)["tools"].items():
        reads, writes = tuple(keys.get("reads", ())), tuple(keys.get("writes", ()))
        needs = frozenset(argument for template in (*reads, *writes) for argument in template_arguments(template))
        known[name] = _Known(EscapedDeclaration(reads, writes), needs)
    return known


def _looked_at(call: RecordedCall, failed: Collection[str]) -> list[str]:
    """The calls whose results the model must have seen: an error is not passed on, it is read."""
    return [*(call.reads or ()), *(name for name in call.deps or () if name in failed)]


def _arguments(call: RecordedCall, deps: Sequence[int]) -> Mapping[str, Template]:
    args: dict[str, Template] = dict(call.args or {})
    return args | {USES: [Ref(future) for future in deps]} if deps else args


def _message(steps: Sequence[RecordedStep]) -> RecordedMessage:
    """One message of one step, or of several of which only the last has calls. None at all: an answer nobody gave."""
    if not steps:
        return RecordedMessage(tokens=0, ttft_s=0.0, llm_s=0.0)
    times = [step.llm_s for step in steps]
    return RecordedMessage(
        tokens=sum(_tokens(step) for step in steps),
        prompt_tokens=steps[-1].prompt_tokens,
        cached_tokens=steps[-1].cached_tokens,
        ttft_s=steps[0].ttft_s,
        llm_s=None if None in times else sum(filter(None, times)),
    )


def _is_known(step: RecordedStep) -> bool:
    """Whether anything says how long the message of a step is, or took."""
    return step.out_tokens is not None or step.llm_s is not None


def _tokens(step: RecordedStep) -> int:
    return step.out_tokens if step.out_tokens is not None else sum(_call_tokens(call, step) for call in step.calls)


def _call_tokens(call: RecordedCall, step: RecordedStep) -> int:
    return CALL_TOKENS if call.chars is None else ceil(call.chars / (step.chars_per_token or CHARS_PER_TOKEN))


def _text_share(steps: Sequence[RecordedStep]) -> float | None:
    """The share of the tokens of one message, of one step or several, that are text; None if that is not known."""
    known = [(step.text_share, _tokens(step)) for step in steps]
    tokens = sum(count for _, count in known)
    if not tokens or any(share is None for share, _ in known):
        return None
    return sum((share or 0.0) * count for share, count in known) / tokens


def _ends(steps: Sequence[RecordedStep], message: RecordedMessage) -> list[int]:
    """How many tokens of the message are out when each of its calls is complete; the last one completes it."""
    step = steps[-1]
    before = message.tokens - _tokens(step)
    ends: list[int] = []
    left = sum(_call_tokens(call, step) for call in step.calls)
    for call in step.calls:
        left -= _call_tokens(call, step)
        end = call.emit_tok if call.emit_tok is not None else _by_time(step, call)
        end = _tokens(step) - left if end is None else end
        ends.append(max(ends[-1] if ends else 0, min(before + end, message.tokens)))
    return [*ends[:-1], message.tokens]


def _by_time(step: RecordedStep, call: RecordedCall) -> int | None:
    if call.emit_s is None or step.llm_s is None or step.llm_s <= (step.ttft_s or 0.0):
        return None
    opening_s = step.ttft_s or 0.0
    return round(_tokens(step) * max(0.0, call.emit_s - opening_s) / (step.llm_s - opening_s))


def _answer(calls: Mapping[int, RecordedCall], future: int, tool: str, args: Mapping[str, JSON], digest: str) -> Value:
    call = calls[future]
    if call.error:
        return ErrorValue("tool_error", "it failed when it was recorded", future)
    return {"id": call.id, "seen": digest} if call.result is None else call.result
