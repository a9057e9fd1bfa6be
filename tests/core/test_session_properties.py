"""What holds of every conversation, whatever the model says and in whatever order tools end and timers fire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.events import Cut, Issue, Resolved, Resume, Running, Settle, Start
from asyncfc_sim.core.policy import ASYNCFC, BLIND, EARLY_START, SYNC, SYNC_PARALLEL, Policy
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.session_events import Answer, GiveUp, Interrupt, Placeholder, Request
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value, canonical
from asyncfc_sim.simulate.script import Dependence, Messages, Script
from tests.conversations import chooser, conversations, policies, tools, value_of
from tests.dialogue import PAPER, Dialogue, emitted_program
from tests.scripted import Choose, Play, Said, run_program
from tests.toy_programs import toy_programs
from tests.toys import TOOLS, TYPED, ToyWorld

FAILURES: list[Failure] = ["poison", "barrier"]


# ------------------------------------------------------------------------------- a model that says anything at all


def values_in(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"<(\d+)>", text)]


@dataclass
class Watched:
    """Checks a dialogue after every step; keeps what happened at least once, for the tests of `sometimes`."""

    policy: Policy
    requests: int = 0
    cuts: int = 0
    happened: set[str] = field(default_factory=set)

    def __call__(self, talk: Dialogue) -> None:
        cuts = sum(isinstance(entry, Cut) for entry in talk.log)
        for number in range(self.requests, len(talk.requests)):
            self.check_request(talk, number, cut=cuts > self.cuts)
        self.requests, self.cuts = len(talk.requests), cuts

    def check_request(self, talk: Dialogue, number: int, *, cut: bool) -> None:
        now = talk.requests[number]
        before = talk.requests[number - 1] if number else []
        same = talk.cached[number]
        assert now[:same] == before[:same], "called cached, and is not as it was sent"
        if not cut and self.policy.delivery != "rewrite":
            assert same == len(before), "not append-only"
        settled = {entry.future for entry in talk.log if isinstance(entry, Settle)}
        for message in now:
            if message["role"] == "tool":
                assert set(values_in(message["content"])) <= settled, "a value before there was one"


def showings(transcript: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Every time that a value is shown in full: `asked` for, `in place` of its own call's answer, or unasked."""
    names: dict[str, str] = {}
    shown = []
    for message in transcript:
        names |= {call["id"]: call["function"]["name"] for call in message.get("tool_calls", ())}
        if message["role"] != "tool":
            continue
        content = json.loads(message["content"])
        name = names[message["tool_call_id"]]
        asked = name in ("await_future", "cancel_future") and not message["tool_call_id"].startswith("drain")
        values = content.get("resolved", {}) | content.get("calls", {}) if isinstance(content, dict) else {}
        in_place = content.get("result") if values else content
        shown += [(future, "in place") for future in own_value_in(in_place)]
        shown += [
            (future, "asked" if asked else "unasked") for value in values.values() for future in own_value_in(value)
        ]
    return shown


def own_value_in(value: Any) -> list[int]:
    """The future whose value this is, if its tool ran: errors inherited from it repeat its words."""
    match value:
        case {"x": str(text)} | {"error": {"kind": "tool_error", "message": str(text)}}:
            return values_in(text)
        case _:
            return []


@settings(max_examples=300)
@given(
    said=conversations(),
    policy=policies([*FAILURES, "strict"]),
    declared=tools(),
    approve=st.booleans(),
    turns=st.integers(1, 2),
    data=st.data(),
)
def test_any_conversation_keeps_to_the_protocol(
    said: list[Said], policy: Policy, declared: dict[str, Tool], approve: bool, turns: int, data: st.DataObject
) -> None:
    left = list(said)
    watched = Watched(policy)
    talk = Dialogue(policy, declared)
    watched(talk)
    play = Play(
        talk,
        lambda: left.pop(0) if left else Said((), "done"),
        chooser(data),
        turns=turns,
        approve=approve,
        values=value_of,
        after_each=watched,
    )
    play.run()
    cut = any(isinstance(entry, Cut) for entry in talk.log)
    scheduler = talk.session.scheduler
    settled = [entry.future for entry in talk.log if isinstance(entry, Settle)]
    assert len(settled) == len(set(settled)), "settled twice"
    assert len(talk.answers) + len(talk.of(GiveUp)) == turns
    if not talk.of(GiveUp):
        assert all(isinstance(state, Resolved) and not state.in_doubt for state in scheduler.futures.values())
        issued = {entry.call.future for entry in talk.log if isinstance(entry, Issue)}
        assert set(settled) == issued or cut, "issued, and never settled"
        shown = showings(talk.session.transcript.messages)
        if policy.delivery != "rewrite":
            _each_value_is_shown_once(shown, shared=policy.duplicates != "run")
        if policy.futures:  # else what went wrong stands in place
            _nothing_vanishes(talk, {future for future, _ in shown})


def _each_value_is_shown_once(shown: list[tuple[int, str]], *, shared: bool) -> None:
    for future in {future for future, _ in shown}:
        ways = [way for other, way in shown if other == future]
        assert ways.count("unasked") <= 1, (future, ways)
        assert "unasked" not in ways[1:], (future, ways)  # never again after it has been seen in another way
        assert ways.count("in place") <= 1 or shared, (future, ways)


def _nothing_vanishes(talk: Dialogue, shown: set[int]) -> None:
    told = shown | set(values_in(" ".join(map(str, talk.answers))))
    for future, value in talk.session.scheduler.values.items():
        if own_value_in(json.loads(canonical(value))):
            assert future in told, f"nobody was shown $f{future}"


# ------------------------------------------------------------------------------------- a model that follows a program


def in_its_programs_numbers(values: dict[int, Value], script: Script) -> dict[int, str]:
    """Values by their number in the program. Of errors, what does not depend on how calls are numbered."""
    return {script.origin[number]: _plain(value, script.origin) for number, value in values.items()}


def _plain(value: Value, origin: dict[int, int] | None = None) -> str:
    if not isinstance(value, ErrorValue):
        return canonical(value)
    assert value.origin is not None
    return f"{value.kind} of {value.origin if origin is None else origin[value.origin]}"


groupings = st.sampled_from(get_args(Messages))
dependences = st.sampled_from(get_args(Dependence))


@settings(max_examples=150)
@given(program=toy_programs(), policy=policies(FAILURES), messages=groupings, dependence=dependences, data=st.data())
def test_values_and_world_are_those_of_running_the_emitted_calls_in_order(
    program: Program, policy: Policy, messages: Messages, dependence: Dependence, data: st.DataObject
) -> None:
    policy = replace(policy, max_requests=60, duplicates="run", retries=0)
    watched = Watched(policy)
    talk, _ = run_program(program, policy, chooser(data), messages=messages, dependence=dependence, after_each=watched)
    in_order = ToyWorld()
    expected = run_sequential(emitted_program(talk.log), TOOLS, in_order.execute, policy.failure)
    assert talk.session.values() == expected.values
    assert talk.world.state() == in_order.state()
    assert talk.answers == ["done"]


@settings(max_examples=100)
@given(program=toy_programs(), policy=policies(["strict"]), messages=groupings, data=st.data())
def test_strict_stops_where_running_in_order_stops(
    program: Program, policy: Policy, messages: Messages, data: st.DataObject
) -> None:
    policy = replace(policy, max_requests=60, duplicates="run", retries=0)
    talk, script = run_program(program, policy, chooser(data), messages=messages)
    in_order = ToyWorld()
    expected = run_sequential(program, TOOLS, in_order.execute, "strict")
    shown = in_its_programs_numbers(talk.session.values(), script)
    assert shown == {future: _plain(value) for future, value in expected.values.items()}
    assert talk.world.state() == in_order.state()
    assert bool(talk.of(Cut)) == (expected.stopped_at is not None)


@settings(max_examples=100)
@given(program=toy_programs(), failure=st.sampled_from(FAILURES), messages=groupings, data=st.data())
def test_asked_for_values_are_those_of_the_program_run_in_order(
    program: Program, failure: Failure, messages: Messages, data: st.DataObject
) -> None:
    """On touch, the model is told what the program touches and no more: so what barriers hold back is equal too.

    But for calls that are refused as they are issued: of these it is told at once.
    """
    talk, script = run_program(program, replace(PAPER, failure=failure), chooser(data), messages=messages)
    assume(not talk.session.guards.counts["bad_references"])
    in_order = ToyWorld()
    expected = run_sequential(program, TOOLS, in_order.execute, failure)
    shown = in_its_programs_numbers(talk.session.values(), script)
    assert shown == {future: _plain(value) for future, value in expected.values.items()}
    assert talk.world.state() == in_order.state()


@settings(max_examples=100)
@given(
    program=toy_programs(),
    policy=policies(FAILURES),
    messages=groupings,
    dependence=dependences,
    base=st.sampled_from([SYNC_PARALLEL, EARLY_START, ASYNCFC]),
    data=st.data(),
)
def test_with_infinite_grace_the_transcript_is_the_synchronous_one_byte_for_byte(
    program: Program, policy: Policy, messages: Messages, dependence: Dependence, base: Policy, data: st.DataObject
) -> None:
    changed = replace(policy, grace_s=inf, blind=False, dispatch=base.dispatch, retries=0, max_requests=60)
    sync = replace(SYNC, failure=policy.failure)
    plain, _ = run_program(program, sync, lambda n: 0, messages=messages, dependence=dependence)
    talk, _ = run_program(program, changed, chooser(data), messages=messages, dependence=dependence)
    assert json.dumps(talk.session.transcript.messages) == json.dumps(plain.session.transcript.messages)
    assert talk.answers == plain.answers


@settings(max_examples=100)
@given(
    program=toy_programs(),
    failure=st.sampled_from(FAILURES),
    messages=groupings,
    dependence=dependences,
    max_awaits=st.sampled_from([None, 0, 1]),
    max_misuses=st.sampled_from([None, 0, 1]),
    data=st.data(),
)
def test_on_touch_without_grace_the_transcript_does_not_depend_on_the_schedule(
    program: Program,
    failure: Failure,
    messages: Messages,
    dependence: Dependence,
    max_awaits: int | None,
    max_misuses: int | None,
    data: st.DataObject,
) -> None:
    """Theorem T10; and `blind` is the same conversation, though nothing in it overlaps."""
    changes: dict[str, Any] = {"failure": failure, "max_awaits": max_awaits, "max_misuses": max_misuses}

    def transcript(policy: Policy, choose: Choose) -> tuple[str, list[str | None], Mapping[str, int]]:
        policy = replace(policy, **changes)
        talk, _ = run_program(program, policy, choose, tools=TYPED, messages=messages, dependence=dependence)
        return json.dumps(talk.session.transcript.messages), talk.answers, talk.session.guards.counts

    assert transcript(PAPER, chooser(data)) == transcript(PAPER, lambda n: 0) == transcript(PAPER, lambda n: n - 1)
    assert transcript(BLIND, chooser(data)) == transcript(PAPER, lambda n: 0)


def one_thing_at_a_time(talk: Dialogue) -> None:
    """No two tools under way, and none while the model writes; but for calls given up, whose tools go on."""
    states = talk.session.scheduler.futures
    running = [future for future in talk.running if isinstance(states.get(future), Running)]
    assert len(running) + talk.asked <= 1, (running, talk.asked)


@settings(max_examples=100)
@given(
    said=conversations(),
    failure=st.sampled_from([*FAILURES, "strict"]),
    max_misuses=st.sampled_from([None, 0, 2]),
    declared=tools(),
    approve=st.booleans(),
    data=st.data(),
)
def test_blind_does_one_thing_at_a_time(
    said: list[Said],
    failure: Failure,
    max_misuses: int | None,
    declared: dict[str, Tool],
    approve: bool,
    data: st.DataObject,
) -> None:
    left = list(said)
    talk = Dialogue(replace(BLIND, failure=failure, max_requests=12, max_misuses=max_misuses), declared)
    Play(
        talk,
        lambda: left.pop(0) if left else Said((), "done"),
        chooser(data),
        approve=approve,
        values=value_of,
        after_each=one_thing_at_a_time,
    ).run()


def test_asyncfc_does_more_than_one() -> None:
    talk = Dialogue(PAPER)
    with pytest.raises(AssertionError):
        Play(talk, lambda: Said([("read", {"path": "a"})]), lambda n: 0, after_each=one_thing_at_a_time).run()


# --------------------------------------------------------------------------------------------------------- sometimes


def test_with_values_in_place_or_riding_along_the_transcript_does_depend_on_it() -> None:
    """The other side of the theorem: what the default delivery gives up for fewer turns."""
    said = [Said([("read", {"path": "a"})]), Said([("read", {"path": "b"})]), Said((), "done")]

    def transcript(choose: Choose) -> str:
        left = list(said)
        talk = Dialogue(replace(PAPER, delivery="when_idle"))
        Play(talk, lambda: left.pop(0) if left else Said((), "done"), choose).run()
        return json.dumps(talk.session.transcript.messages)

    assert transcript(lambda n: 0) != transcript(lambda n: n - 1)


@pytest.mark.parametrize(
    ("what", "happens"),
    [
        (Placeholder, lambda entry: isinstance(entry, Placeholder)),
        (Resume, lambda entry: isinstance(entry, Resume) and bool(entry.values)),
        (Interrupt, lambda entry: isinstance(entry, Interrupt)),
        (Cut, lambda entry: isinstance(entry, Cut)),
        (Answer, lambda entry: isinstance(entry, Answer)),
        (Request, lambda entry: isinstance(entry, Request)),
        (Start, lambda entry: isinstance(entry, Start)),
    ],
)
def test_what_the_properties_speak_of_does_happen(what: type[Any], happens: Callable[[object], bool]) -> None:
    seen = []
    for policy in (PAPER, replace(PAPER, failure="strict")):
        left = [Said([("fail", {}), ("read", {"path": "a"})]), Said([("await_future", {"ids": ["$f2"]})])]
        for order in (lambda n: 0, lambda n: n - 1):
            messages = list(left)
            talk = Dialogue(policy)
            Play(talk, lambda messages=messages: messages.pop(0) if messages else Said((), "done"), order).run()  # type: ignore[misc]
            seen += [entry for entry in talk.log if happens(entry)]
    assert seen, what
