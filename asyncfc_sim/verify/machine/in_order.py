"""The sequential machine, and `completion`: what a state of the asynchronous one comes to if it is completed in order.

`run`, `complete1` and `completion` are those of proofs/Machine.v and proofs/Invariant.v. Running a program in order is
to complete the state before anything has happened. That every step of the asynchronous machine leaves `completion` as
it is, is the lemma on which the theorems stand; here it can be looked at, step by step, on the real scheduler.

It shares with core/sequential.py what a call's arguments are, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.syntax import Branch, Call, Done
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical, with_origin
from asyncfc_sim.verify.setting import Ending
from asyncfc_sim.workloads.key_world import List, Read, Returned, Write

from .calls import next_op
from .conditions import behind_barrier, known, unknown_failure
from .decoder import chosen, handed, head, part, tell, touches
from .states import Entry, Fate, Given, Process, Resolved, Running, State

World = Mapping[str, JSON]


def run(given: Given, process: Process, world: World, fate: Fate | None = None) -> tuple[Value, World]:
    """Run a tool to its end, with nothing in between; to the last of its writes, if it was given up."""
    world, writes = dict(world), 0
    while True:
        if fate is not None and writes == fate.writes:
            return fate.value, world
        op = next_op(given, process)
        writes += isinstance(op, Write)
        match op:
            case Read(key):
                answer = world.get(key)
            case List(pattern):
                region, prefix = parse_pattern(pattern), pattern.removesuffix("*")
                answer = sorted(key.removeprefix(prefix) for key in world if region.covers(parse_pattern(key)))
            case Write(key, None):
                world.pop(key, None)
                answer = None
            case Write(key, value):
                world[key] = value
                answer = None
            case Returned(value):
                return value, world
        process = replace(process, history=(*process.history, answer))


def completion(given: Given, state: State) -> Ending:
    """Complete a state in order: its calls one by one, then the rest of its program."""
    assert state.code is not None, "only a written program can be completed"
    done = replace(state, pool=(), touched=None)
    for entry in state.pool:
        done = _call(given, done, entry)
        if _stops(given, done):
            return _ending(_stopped(done))
    while not done.answered:
        done = _statement(given, done)
        if _stops(given, done):
            return _ending(_stopped(done))
    return _ending(done)


def _statement(given: Given, state: State) -> State:
    assert state.code is not None
    statement, rest = head(state), state.code[1:]
    if isinstance(statement, Call):
        return _call(given, replace(state, code=rest, last=statement.future), Entry(statement, state.told))
    futures = sorted({future for future in touches(statement) if state.entry(future) is not None})
    values = handed(state, futures)
    after = replace(tell(state, values), code=rest)
    if isinstance(statement, Done):
        return replace(after, code=(), answered=True, answer=tuple(part(values, ref) for ref in statement.refs))
    return replace(after, code=(*chosen(statement, values), *rest)) if isinstance(statement, Branch) else after


def _call(given: Given, state: State, entry: Entry) -> State:
    """`complete1`: what a call comes to, given all calls before it."""
    value, world = _complete1(given, state, entry)
    if isinstance(value, ErrorValue):
        value = with_origin(value, entry.future)
    return replace(state, world=world, pool=(*state.pool, replace(entry, status=Resolved(value))))


def _complete1(given: Given, state: State, entry: Entry) -> tuple[Value, World]:
    match entry.status:
        case Resolved(value):
            return value, state.world
        case Running(process):
            return run(given, process, state.world)
    fate = given.fates.get(entry.future)
    if fate is not None and not fate.writes:
        return fate.value, state.world
    prepared = known(given, state, entry.call)
    assert prepared is not None, "calls before it have no value"
    if isinstance(prepared, ErrorValue):
        return prepared, state.world
    args, footprint = prepared
    if behind_barrier(given, entry.call.tool, footprint):
        origin = unknown_failure(state, entry)
        if origin is not None:
            message = f"{entry.call.tool} was not run, because $f{origin} failed"
            return ErrorValue("not_executed", message, origin=origin), state.world
    return run(given, Process(entry.call.tool, args, footprint), state.world, fate)


def _stops(given: Given, state: State) -> bool:
    """Fail-stop: the last call failed, and the run is strict."""
    return given.failure == "strict" and bool(state.pool) and _failed(state.pool[-1])


def _failed(entry: Entry) -> bool:
    return isinstance(entry.status, Resolved) and isinstance(entry.status.value, ErrorValue)


def _stopped(state: State) -> State:
    failed = state.pool[-1].future
    return replace(state, cut=failed, answer=(), seen=tuple(seen for seen in state.seen if seen.after < failed))


def _ending(state: State) -> Ending:
    outcome = Outcome(state.values, state.seen, state.answer, state.cut or None)
    return Ending(outcome, canonical(dict(state.world)))
