"""The live driver, on a virtual clock and with a hostile ready queue: what runs is what is explored and simulated.

Every litmus test and hundreds of random programs, their tools in steps, under many policies. Outcomes equal those of
running in order, every trace is a path of the explored graph, and every run takes as long as its simulation.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from math import inf
from typing import Any, Final, get_args

import numpy as np
import pytest

from asyncfc_sim.core.events import Cancel, Timeout
from asyncfc_sim.core.messages import CANCEL
from asyncfc_sim.core.policy import ASYNCFC, BLIND, EARLY_START, SYNC, Delivery, Policy
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.session import Session
from asyncfc_sim.core.session_events import TimerFired
from asyncfc_sim.core.syntax import Call, Program
from asyncfc_sim.core.tool import pure
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical
from asyncfc_sim.language.litmus import LitmusTest, SchedulerName
from asyncfc_sim.live.driver import Driver
from asyncfc_sim.simulate.decoder import decoder_names, load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.reference import emitted_program
from asyncfc_sim.simulate.script import Dependence, Messages, ToolUse
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.trace import Event, Header
from asyncfc_sim.verify.conformance import conforms
from asyncfc_sim.verify.mutants import MUTANTS
from asyncfc_sim.workloads.litmus_file import litmus_files, litmus_world, load_litmus
from asyncfc_sim.workloads.random_programs import TOOLS, random_program
from asyncfc_sim.workloads.workload import Task, Turn
from tests.live_runs import Lived, live
from tests.recorded import chooser, new_world, pick, random_policy, shows_all

RANDOM_PROGRAMS: Final = 320
PAPER: Final = replace(ASYNCFC, grace_s=0.0, delivery="on_touch", duplicates="run", max_requests=1000)
LIVE: Final = replace(ASYNCFC, grace_s=0.0, delivery="when_idle", duplicates="run", max_requests=1000)
COLUMNS: Final[Mapping[SchedulerName, Failure]] = {"effect": "poison", "barrier": "barrier", "strict": "strict"}
NEVER_RAN: Final = "(never ran)"


@cache
def models(decoder: str) -> Models:
    return Models(load_decoder(decoder), load_durations("default"))


@cache
def litmus_tests() -> dict[str, LitmusTest]:
    return {test.name: test for test in (load_litmus(str(path)) for path in litmus_files())}


def litmus_task(test: LitmusTest) -> Task:
    turn = Turn("go", shows_all(test.program))
    return Task(test.name, "litmus", (turn,), test.tools, {}, partial(litmus_world, test))


def sound_litmus_tasks() -> list[Task]:
    """Those whose tools do no more than they declare."""
    tests = litmus_tests().values()
    return [litmus_task(test) for test in tests if all(e.equal for e in test.expectations if e.scheduler == "effect")]


def random_tasks(rng: np.random.Generator, n: int) -> Iterator[Task]:
    for number in range(n):
        turn = Turn("go", shows_all(random_program(rng, int(rng.integers(1, 8)))[0]))
        yield Task(f"random {number}", "random", (turn,), TOOLS, {}, new_world)


def random_script(rng: np.random.Generator) -> dict[str, Any]:
    """How calls become messages."""
    return {"messages": pick(rng, get_args(Messages)), "dependence": pick(rng, get_args(Dependence))}


# ------------------------------------------------------------------------------------------------- what is held against


def wrong(task: Task, policy: Policy, lived: Lived, *, differs: bool = False) -> str | None:
    """What is wrong with a live run, if anything is. `differs`: its declarations are false, so its outcome may be."""
    if lived.gave_up is not None:
        return lived.gave_up
    world = task.make_world()
    tools = Session(task.tools, policy).scheduler

    def execute(future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        return world.call(lived.conversation.origin(future), tool, args)

    deviation = conforms(lived.run, tools, retries=policy.retries, execute=None if differs else execute)
    if deviation is not None:
        return f"no path of the explored graph: {deviation}"
    return None if differs else not_in_order(task, policy, lived)


def not_in_order(task: Task, policy: Policy, lived: Lived) -> str | None:
    """What differs from running in order what the model emitted, each value touched where the model was shown it."""
    events = [event._replace(fields=_parsed(event)) for event in lived.run.events]
    started = {event.fields["future"] for event in events if event.rule == "start"}
    given_up = {event.fields["future"] for event in events if event.rule in ("cancel", "timeout")}
    got = lived.session.scheduler.values
    world = task.make_world()

    def execute(future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """A call that was given up has ended as it did; its effect it has had, if it was under way."""
        if tool == NEVER_RAN:
            return got[future]
        value = world.call(lived.conversation.origin(future), tool, args)
        return got[future] if future in given_up else value

    body = tuple(
        Call(one.future, NEVER_RAN) if isinstance(one, Call) and one.future in given_up - started else one
        for one in emitted_program(events).body
    )
    # strict has cut off all that a failure must stop; what is left behaves as under `barrier`.
    failure: Failure = "barrier" if policy.failure == "strict" else policy.failure
    tools = {**task.tools, NEVER_RAN: pure(NEVER_RAN)}
    outcome = run_sequential(Program(body), tools, execute, failure)
    for future, expected in outcome.values.items():
        if canonical(got.get(future)) != canonical(expected):
            return f"$f{future} is {canonical(got.get(future))}; in order it is {canonical(expected)}"
    if got.keys() != outcome.values.keys():
        return f"values of {sorted(got)}; in order there are those of {sorted(outcome.values)}"
    return None if world.state() == lived.state else "the world ends in another state"


def _parsed(event: Event) -> Mapping[str, Any]:
    return {**event.fields, "args": template_from_json(event.fields["args"])} if event.rule == "issue" else event.fields


def overlap(lived: Lived) -> bool:
    under_way: set[int] = set()
    for event in lived.run.events:
        if event.rule == "start":
            under_way.add(event.fields["future"])
        elif event.rule in ("finish", "fail", "end"):
            under_way.discard(event.fields["future"])
        if len(under_way) > 1:
            return True
    return False


def waited(lived: Lived) -> bool:
    """Whether some call was started later than it was issued."""
    issued = {event.fields["future"]: event.t for event in lived.run.events if event.rule == "issue"}
    return any(event.t > issued[event.fields["future"]] for event in lived.run.events if event.rule == "start")


# ---------------------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("name", litmus_tests())
def test_litmus_tests_come_to_what_running_in_order_comes_to(name: str) -> None:
    test, rng = litmus_tests()[name], np.random.default_rng(len(name))
    task = litmus_task(test)
    expected = {each.column: each.equal for each in test.expectations}
    for column, failure in COLUMNS.items():
        equal = expected.get((column, "steps"), True)
        for base in (PAPER, LIVE, replace(LIVE, delivery="rewrite"), EARLY_START):
            policy = replace(base, failure=failure, max_running=test.workers or 32)
            lived = live(task, policy, models("gpt-4o"), seed=int(rng.integers(99)), choose=chooser(rng))
            assert wrong(task, policy, lived, differs=not equal) is None, f"{column}, {policy}"
            # One-sided: calls that commute may be out of order, and then nothing is said.
            assert certificate(lived.run).certified or any(tool.commutes_with for tool in test.tools.values())


def test_random_programs_take_as_long_as_their_simulation_and_come_to_the_same() -> None:
    rng = np.random.default_rng(5)
    happened: Counter[str] = Counter()
    for task in random_tasks(rng, RANDOM_PROGRAMS):
        policy, timed = random_policy(rng), models(pick(rng, decoder_names()))
        # A script does not know what to do about a call that was refused.
        policy = replace(policy, duplicates=pick(rng, ["share", "run"]))
        said = {"seed": int(rng.integers(1000)), **random_script(rng)}
        lived = live(task, policy, timed, choose=chooser(rng), **said)
        simulation = Simulation(task, policy, timed, Header(run="simulated", source="simulate"), **said).run()
        assert wrong(task, policy, lived) is None, f"{task.name}, {policy}"
        assert lived.run.makespan_s == pytest.approx(simulation.makespan_s, abs=1e-9), f"{task.name}, {policy}"
        assert lived.session.transcript.messages == simulation.session.transcript.messages
        assert canonical(_shown(lived.values)) == canonical(_shown(simulation.values()))
        assert certificate(lived.run).certified
        happened.update(event.rule for event in lived.run.events)
        happened.update(overlaps=overlap(lived), waits=waited(lived))
    assert min(happened[one] for one in ("overlaps", "waits", "fail", "touch", "deliver", "placeholder", "cut")) > 20, (
        happened
    )


def test_without_a_grace_and_on_touch_the_transcript_does_not_depend_on_the_schedule() -> None:
    """It is that of calls made one after the other, whatever the tools' times and the order of the ready queue."""
    rng = np.random.default_rng(6)
    others = 0
    for task in [*random_tasks(rng, 40), *sound_litmus_tasks()]:
        failure = pick(rng, get_args(Failure))
        said: dict[str, Any] = {
            "messages": pick(rng, get_args(Messages)),
            "dependence": pick(rng, get_args(Dependence)),
        }
        one_by_one = live(task, replace(BLIND, failure=failure, max_requests=1000), models("gpt-4o"), **said)
        for seed in (1, 2):
            lived = live(
                task, replace(PAPER, failure=failure), models("gpt-4o"), seed=seed, choose=chooser(rng), **said
            )
            assert texts(lived) == texts(one_by_one), f"{task.name}, {failure}, {said}"
            others += overlap(lived)
        assert not overlap(one_by_one)
    assert others > 20


def test_an_infinite_grace_is_the_synchronous_protocol_byte_for_byte() -> None:
    rng = np.random.default_rng(7)
    for task in [*random_tasks(rng, 40), *sound_litmus_tasks()]:
        said: dict[str, Any] = {
            "messages": pick(rng, get_args(Messages)),
            "dependence": pick(rng, get_args(Dependence)),
        }
        patient = replace(ASYNCFC, grace_s=inf, delivery=pick(rng, get_args(Delivery)))
        sync, late = (live(task, policy, models("gpt-4o"), choose=chooser(rng), **said) for policy in (SYNC, patient))
        assert late.session.transcript.messages == sync.session.transcript.messages, task.name


def texts(lived: Lived) -> str:
    """The transcript; ids of calls say which request a call came with, and strict makes more requests."""
    return re.sub(r"call_\d+_\d+|drain_\d+", "id", canonical(list(lived.session.transcript.messages)))


def test_calls_that_are_given_up_live_hold_their_keys_until_they_have_ended() -> None:
    """Litmus tests in which the environment cancels calls or lets them time out, at any time; their tools run on."""
    rng = np.random.default_rng(8)
    happened: Counter[str] = Counter()
    tests = [test for test in litmus_tests().values() if test.environment]
    for test in [*tests] * 12:
        task = litmus_task(test)
        policy = replace(pick(rng, [PAPER, LIVE]), failure=pick(rng, get_args(Failure)))
        lived = live(
            task,
            policy,
            models("gpt-4o"),
            seed=int(rng.integers(99)),
            choose=chooser(rng),
            stops=False,
            act=partial(times_out, test, rng),
            interject=partial(cancels, {event.future for event in test.environment if isinstance(event, Cancel)}, rng),
        )
        assert wrong(task, policy, lived) is None, f"{test.name}, {policy}"
        happened.update(event.rule for event in lived.run.events)
    assert min(happened[rule] for rule in ("cancel", "timeout", "end")) > 5, happened


def times_out(test: LitmusTest, rng: np.random.Generator, driver: Driver) -> None:
    """At some time, if the call is under way then."""
    for event in test.environment:
        if isinstance(event, Timeout):
            fired = TimerFired(("timeout", event.future))
            asyncio.get_running_loop().call_later(float(rng.uniform(0, 10)), driver.feed, fired)


def cancels(futures: set[int], rng: np.random.Generator, driver: Driver) -> ToolUse | None:
    """Before some message, once the call has been made."""
    for future in futures & driver.session.scheduler.futures.keys():
        if rng.random() < 0.5:
            futures.discard(future)
            ids: list[Any] = [Ref(future)]
            return ToolUse(CANCEL, {"ids": ids})
    return None


@pytest.mark.parametrize("stops", [True, False])
def test_a_run_that_is_cut_short_has_gone_a_part_of_such_a_path(stops: bool) -> None:
    """Nothing is started any more, what was under way ends or is let go."""
    rng = np.random.default_rng(10)
    happened: Counter[str] = Counter()
    for task in random_tasks(rng, 60):
        policy = replace(pick(rng, [PAPER, LIVE]), failure=pick(rng, get_args(Failure)))
        until_s = float(rng.uniform(0, 15))
        lived = live(task, policy, models("gpt-4o"), until_s=until_s, stops=stops, messages="turn", choose=chooser(rng))
        deviation = conforms(lived.run, Session(task.tools, policy).scheduler)
        assert deviation is None, f"{task.name}, {policy}: {deviation}"
        happened[lived.gave_up or "answered"] += 1
        happened[lived.run.events[-1].rule] += 1
    assert min(happened["TimeoutError()"], happened["answered"]) > 5, happened
    assert stops or happened["finish"] > 5, happened


@pytest.mark.parametrize(
    "name",
    [
        "no RAW",
        "no WAR",
        "no WAW",
        "unknown is free",
        "data not awaited",
        "no barrier",
        "locks only",
        "only the previous call",
    ],
)
def test_a_broken_scheduler_is_noticed_when_it_drives_a_live_run(name: str) -> None:
    """By the outcome alone: conformance would of course see it, too."""
    rng = np.random.default_rng(9)
    policy = replace(PAPER, failure=MUTANTS[name].failures[0], max_running_per_tool=32)

    def noticed(task: Task, seed: int) -> bool:
        broken = MUTANTS[name].make
        lived = live(task, policy, models("gpt-4o"), seed=seed, messages="turn", choose=chooser(rng), scheduler=broken)
        return not_in_order(task, policy, lived) is not None

    tasks = [*sound_litmus_tasks(), *random_tasks(rng, 50)]
    assert any(noticed(task, seed) for seed in range(3) for task in tasks)


def _shown(values: Mapping[int, Value]) -> dict[str, JSON]:
    return {
        str(future): value.to_json() if isinstance(value, ErrorValue) else value for future, value in values.items()
    }
