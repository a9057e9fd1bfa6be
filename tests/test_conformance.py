"""Every recorded run is a path of the explored graph, whichever driver recorded it; a trace tampered with is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.certificate import NotCertified
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import canonical
from asyncfc_sim.simulate.reference import emitted_program
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Event, Header, Recorder, Run
from asyncfc_sim.verify.conformance import conforms
from asyncfc_sim.verify.moves import DECODE, Move
from asyncfc_sim.verify.recording import recording
from asyncfc_sim.verify.replay import replay
from asyncfc_sim.verify.setting import Setting
from tests.conversations import chooser, conversations, policies, tools, value_of
from tests.dialogue import Dialogue
from tests.recorded import FAILURES, SOURCES, Recorded, runs_of
from tests.scripted import Play, Said


@pytest.fixture(params=SOURCES)
def recorded(request: pytest.FixtureRequest) -> list[Recorded]:
    return runs_of(request.param)


def test_every_run_is_a_path_of_the_explored_graph(recorded: list[Recorded]) -> None:
    for one in recorded:
        world = one.make_world()
        deviation = conforms(one.run, one.make_scheduler(), execute=one.tools_of(world))
        assert deviation is None, f"{one.run.header.run}: {deviation}"
        assert world.state() == one.state


def test_the_moves_of_a_simulation_are_moves_of_the_explorer() -> None:
    """The same once more, with the explorer: its decoder issues what the simulated model issued, its own tools act."""
    checked = 0
    for one in runs_of("simulated programs"):
        if any(event.rule == "cut" for event in one.run.events):
            continue  # a program ends where strict cuts it; a session goes on
        scheduler = one.make_scheduler()
        setting = Setting(
            emitted_program(map(_parsed, one.run.events)),
            scheduler.tools,
            one.make_world,
            failure=scheduler.failure,
            scheduler=lambda *_, made=scheduler, **__: made,
        )
        recorder = Recorder(one.run.header)
        ended = replay(setting, list(_moves(one.run)), recording(recorder))
        assert _order(recorder.run()) == _order(one.run)
        assert ended.world.state() == one.state
        checked += 1
    assert checked > 100


def _parsed(event: Event) -> Event:
    """An event as drivers record it, with templates for arguments."""
    if event.rule != "issue":
        return event
    return event._replace(fields={**event.fields, "args": template_from_json(event.fields["args"])})


def _moves(run: Run) -> Iterator[Move]:
    """What the decoder and the tools did, in order."""
    under_way: set[int] = set()
    for _, rule, fields in run.events:
        if rule in ("issue", "touch", "deliver"):
            yield DECODE
        elif rule == "start":
            under_way.add(fields["future"])
        elif rule in ("finish", "fail") and fields["future"] in under_way:
            yield fields["future"]
            under_way.remove(fields["future"])


def _order(run: Run) -> list[tuple[str, str]]:
    """What happened to the calls, in order."""
    rules = ("issue", "start", "finish", "fail")
    return [(event.rule, canonical(event.fields["future"])) for event in run.events if event.rule in rules]


def test_every_run_is_certified(recorded: list[Recorded]) -> None:
    for one in recorded:
        judged = certificate(one.run)
        assert judged.certified, f"{one.run.header.run}: {judged.verdict}"


def test_these_runs_show_what_they_are_to_show(recorded: list[Recorded]) -> None:
    """Tools overlap, calls wait, values are handed over; where calls may fail, they do, and strict cuts."""
    rules = Counter(event.rule for one in recorded for event in one.run.events)
    assert min(rules[rule] for rule in ("start", "finish", "touch")) > 50
    assert sum(any_overlap(one.run) for one in recorded) > 5
    if recorded is not runs_of("simulated BFCL"):
        assert min(rules["fail"], rules["cut"]) > 10


def any_overlap(run: Run) -> bool:
    """Whether two tools were ever under way at once."""
    under_way: set[int] = set()
    for _, rule, fields in run.events:
        if rule == "start":
            under_way.add(fields["future"])
        elif rule in ("finish", "fail", "end"):
            under_way.discard(fields["future"])
        if len(under_way) > 1:
            return True
    return False


# ---------------------------------------------------------------------------------------------- traces tampered with

Tamper = Callable[[tuple[Event, ...]], Iterator[tuple[Event, ...]]]


def without_a_start(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    for at, event in enumerate(events):
        if event.rule == "start":
            yield events[:at] + events[at + 1 :]


def with_a_start_before_what_it_waited_for(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    """The end of a call, or its own issue: the last that the scheduler was told before the start."""
    told: int | None = None
    for at, event in enumerate(events):
        settled_with_another = event.rule == "fail" and told is not None and events[told].rule in ("finish", "fail")
        if event.rule in ("issue", "end", "finish") or (event.rule == "fail" and not settled_with_another):
            told = at
        elif event.rule == "start" and told is not None:
            yield (*events[:told], event, *events[told:at], *events[at + 1 :])


def with_a_start_too_late(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    for at, event in enumerate(events):
        if event.rule == "start":
            after = [other for other in range(at + 1, len(events)) if events[other].rule in ("issue", "finish")]
            if after:
                yield (*events[:at], *events[at + 1 : after[0] + 1], event, *events[after[0] + 1 :])


def with_another_value(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    return _changed(events, "finish", "value", lambda value: ["not", value])


def with_other_arguments(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    return _changed(events, "start", "args", lambda args: {**args, "more": 1})


def with_another_footprint(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    return _changed(events, "start", "writes", lambda writes: [*writes, "file:other"])


def with_a_call_that_ends_twice(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    for at, event in enumerate(events):
        if event.rule == "finish":
            yield (*events[: at + 1], *events[at:])


def _changed(
    events: tuple[Event, ...], rule: str, field: str, change: Callable[[Any], Any]
) -> Iterator[tuple[Event, ...]]:
    for at, event in enumerate(events):
        if event.rule == rule:
            changed = event._replace(fields={**event.fields, field: change(event.fields[field])})
            yield (*events[:at], changed, *events[at + 1 :])


@pytest.mark.parametrize(
    "tamper",
    [
        without_a_start,
        with_a_start_before_what_it_waited_for,
        with_a_start_too_late,
        with_another_value,
        with_other_arguments,
        with_another_footprint,
        with_a_call_that_ends_twice,
    ],
)
def test_a_trace_tampered_with_is_refused(recorded: list[Recorded], tamper: Tamper) -> None:
    """Nowhere before the place where it was tampered with."""
    refused = 0
    for one in recorded[:12]:
        for events in tamper(one.run.events):
            true = one.run.events
            first = next(at for at, (old, new) in enumerate(zip_longest(true, events), 1) if old != new)
            execute = one.tools_of(one.make_world())
            deviation = conforms(replace(one.run, events=events), one.make_scheduler(), execute=execute)
            assert deviation is not None, f"{one.run.header.run}, event {first}"
            assert first <= deviation.event <= len(events) + 1
            refused += 1
    assert refused > 5


# --------------------------------------------------------------------------------- sessions in which anything happens


def test_any_conversation_is_such_a_path() -> None:
    """Cancelled calls, time-outs, persons who refuse, calls tried again, waiting that was broken off."""
    happened: Counter[str] = Counter()

    @settings(max_examples=500)
    @given(
        said=conversations(),
        policy=policies(list(FAILURES)),
        declared=tools(),
        approve=st.booleans(),
        turns=st.integers(1, 2),
        data=st.data(),
    )
    def check(
        said: list[Said], policy: Policy, declared: dict[str, Tool], approve: bool, turns: int, data: st.DataObject
    ) -> None:
        left = list(said)
        talk = Dialogue(policy, declared)
        Play(
            talk,
            lambda: left.pop(0) if left else Said((), "done"),
            chooser(data),
            turns=turns,
            approve=approve,
            values=value_of,
        ).run()
        run = traced(talk.log)
        deviation = conforms(run, Session(declared, policy).scheduler, retries=policy.retries)
        assert deviation is None, str(deviation)
        verdict = certificate(run).verdict
        assert not isinstance(verdict, NotCertified), verdict
        happened.update(event.rule for event in run.events)
        happened[type(verdict).__name__] += 1

    check()
    assert min(happened[rule] for rule in ("cancel", "timeout", "end", "cut", "deliver", "touch", "Certified")) > 0, (
        happened
    )


def traced(log: list[object]) -> Run:
    recorder = Recorder(Header(run="talk", source="simulate"))
    for entry in log:
        shown = trace_entry(entry)
        if shown is not None:
            recorder.record((0.0, *shown))
    return recorder.run()
