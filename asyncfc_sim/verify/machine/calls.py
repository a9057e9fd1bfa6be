"""The rules for calls: start, read, write, finish, and what may happen to a call instead.

One function for each rule of proofs/Machine.v and proofs/GivenUp.v, with its name and its side conditions.
"""

from __future__ import annotations

from dataclasses import replace

from asyncfc_sim.core.footprint import Pattern, parse_pattern
from asyncfc_sim.core.values import JSON, Effects, ErrorKind, ErrorValue, Value, with_origin
from asyncfc_sim.workloads.key_world import List, Op, Read, Returned, ToolFailed, Write

from .conditions import behind_barrier, known, settled_before, unknown_failure, why_not_start
from .states import Ghost, Given, Pending, Process, Refused, Resolved, Running, State


def start(given: Given, state: State, future: int) -> State:
    """[start j]: Pending becomes Running. Of the calls that could, the lowest goes first."""
    entry = state.issued(future)
    why = why_not_start(given, state, entry)
    if why:
        raise Refused(f"start $f{future}: {why}")
    for earlier in state.before(future):
        if not why_not_start(given, state, earlier):
            raise Refused(f"start $f{future}: $f{earlier.future} could start, and was issued first")
    prepared = known(given, state, entry.call)
    assert isinstance(prepared, tuple)
    return state.put(future, Running(Process(entry.call.tool, *prepared)))


def poison(given: Given, state: State, future: int) -> State:
    """[poison]: a call whose arguments cannot be had resolves to the reason, with no effect (proofs/HeldBack.v)."""
    entry = state.issued(future)
    prepared = known(given, state, entry.call) if isinstance(entry.status, Pending) else None
    if not isinstance(prepared, ErrorValue):
        raise Refused(f"settle $f{future}: its tool has not ended, and nothing is wrong with its arguments")
    return state.put(future, Resolved(prepared))


def hold_back(given: Given, state: State, future: int) -> State:
    """[barrier] A call that may write what cannot be taken back is not run after a failure that nobody knew of."""
    entry = state.issued(future)
    prepared = known(given, state, entry.call) if isinstance(entry.status, Pending) else None
    if not isinstance(prepared, tuple) or not behind_barrier(given, entry.call.tool, prepared[1]):
        raise Refused(f"hold back $f{future}: it is not behind the barrier")
    if not settled_before(state, future):
        raise Refused(f"hold back $f{future}: an earlier call has not settled")
    origin = unknown_failure(state, entry)
    if origin is None:
        raise Refused(f"hold back $f{future}: no earlier call failed, or the decoder knew")
    message = f"{entry.call.tool} was not run, because $f{origin} failed"
    return state.put(future, Resolved(ErrorValue("not_executed", message, origin=origin)))


def read(given: Given, state: State, future: int, touched: Pattern) -> State:
    """[read j]: the tool is sent what stands under the key, or (one step here, several there) in a region."""
    process = _under_way(state, future)
    match next_op(given, process):
        case Read(key) if parse_pattern(key) == touched:
            answer = state.world.get(key)
        case List(pattern) if parse_pattern(pattern) == touched:
            prefix = pattern.removesuffix("*")
            answer = sorted(key.removeprefix(prefix) for key in state.world if touched.covers(parse_pattern(key)))
        case op:
            raise Refused(f"read {touched} by $f{future}: its next step is {op}")
    return _sent(state, future, process, answer)


def write(given: Given, state: State, future: int, touched: Pattern) -> State:
    """[write j]"""
    process = _under_way(state, future)
    match next_op(given, process):
        case Write(key, value) if parse_pattern(key) == touched:
            world = {other: kept for other, kept in state.world.items() if other != key}
            after = replace(state, world=world if value is None else {**world, key: value})
            return _sent(after, future, process, None)
        case op:
            raise Refused(f"write {touched} by $f{future}: its next step is {op}")


def finish(given: Given, state: State, future: int, reported: Value) -> State:
    """[finish j] and [fail j]: Running (Return v) becomes Resolved v. Of a ghost the value is dropped."""
    if state.ghost(future) is not None:
        return state.without_ghost(future)
    process = _under_way(state, future)
    value = reported
    if given.bodies is not None:
        op = next_op(given, process)
        if not isinstance(op, Returned):
            raise Refused(f"finish $f{future}: its next step is {op}")
        value = op.value
    return state.put(future, Resolved(with_origin(value, future) if isinstance(value, ErrorValue) else value))


def end(state: State, future: int) -> State:
    """A ghost is known to have ended, wherever it was: it does no further step, and holds nothing."""
    if state.ghost(future) is None:
        raise Refused(f"end $f{future}: its call is not settled, or its tool has ended")
    return state.without_ghost(future)


def cancel(given: Given, state: State, future: int) -> State:
    """[cancel j]: exact if the call has not started, or cannot have acted; else it is in doubt."""
    return _abandon(given, state, future, "cancelled", "this call was cancelled before it returned")


def timeout(given: Given, state: State, future: int) -> State:
    """[timeout j]: counted from the start."""
    if isinstance(state.issued(future).status, Pending):
        raise Refused(f"timeout $f{future}: it has not started")
    return _abandon(given, state, future, "timeout", "this call did not end in time")


def _abandon(given: Given, state: State, future: int, kind: ErrorKind, message: str) -> State:
    entry = state.issued(future)
    match entry.status:
        case Resolved():
            return state
        case Pending():
            return state.put(future, Resolved(ErrorValue(kind, message, origin=future)))
        case Running(process):
            doubt = given.tools[process.tool].irreversible or bool(process.footprint.writes)
            effects: Effects = "unknown" if doubt else "none"
            error = ErrorValue(kind, message, origin=future, retryable=not doubt, effects=effects)
            ghosts = (*state.ghosts, Ghost(future, process, doubt))
            return replace(state.put(future, Resolved(error)), ghosts=ghosts)


def next_op(given: Given, process: Process) -> Op | Returned:
    """`proc` of the proofs: Read, Write or Return. A tool is run again from its arguments and what it was sent."""
    assert given.bodies is not None, "what this machine's tools do is not looked at"
    try:
        body = given.bodies[process.tool](**process.args)
        op = next(body)
        for answer in process.history:
            op = body.send(answer)
    except StopIteration as returned:
        return Returned(returned.value)
    except ToolFailed as failed:
        return Returned(ErrorValue("tool_error", str(failed)))
    return op


def _under_way(state: State, future: int) -> Process:
    entry, ghost = state.entry(future), state.ghost(future)
    if ghost is not None:
        return ghost.process
    if entry is None or not isinstance(entry.status, Running):
        raise Refused(f"$f{future} is not under way")
    return entry.status.process


def _sent(state: State, future: int, process: Process, answer: JSON) -> State:
    after = replace(process, history=(*process.history, answer))
    if state.ghost(future) is None:
        return state.put(future, Running(after))
    ghosts = (replace(ghost, process=after) if ghost.future == future else ghost for ghost in state.ghosts)
    return replace(state, ghosts=tuple(ghosts))
