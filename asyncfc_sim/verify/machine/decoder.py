"""The rules for the decoder: issue, touch, deliver, drain, and the cut of a strict run.

A program is what is left of it: a tuple of statements, of which a branch puts one side in front of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from asyncfc_sim.core import events
from asyncfc_sim.core.interpreter import Seen
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.core.values import JSON, ErrorValue, Value, follow, same_json

from .conditions import origin_of, settled_before
from .states import Entry, Ghost, Given, Refused, Resolved, Running, State


def begin(program: Program | None, world: Mapping[str, JSON]) -> State:
    """Before anything has happened; without a program, of a decoder that may do anything."""
    return State(None if program is None else program.body, world)


def issue(state: State, call: Call) -> State:
    """[issue]: `let f = call in p` becomes p, and the call a pending future."""
    _free(state, f"issue {call}")
    if call.future <= state.last:
        raise Refused(f"issue {call}: $f{state.last} was issued before")
    code = state.code
    if code is not None:
        if not code or code[0] != call:
            raise Refused(f"issue {call}: the program goes on with {head(state)}")
        code = code[1:]
    return replace(state, code=code, last=call.future, pool=(*state.pool, Entry(call, state.told)))


def ask(state: State, touch: events.Touch) -> State:
    """The decoder comes to a touch, and waits."""
    _free(state, "touch")
    for future in touch.futures:
        state.issued(future)
    if state.code is not None and (touch.any or touch.futures != _awaited(state)):
        raise Refused(f"touch {touch.futures}: the program goes on with {head(state)}")
    return replace(state, touched=touch)


def why_not_touch(state: State) -> str:
    """Which side condition of [touch] does not hold; "" if all do."""
    if state.touched is None:
        return "the decoder does not wait"
    resolved = [future in state.values for future in state.touched.futures]
    if all(resolved) or (state.touched.any and any(resolved)):
        return ""
    return "not all of its futures are resolved"


def touch(state: State) -> State:
    """[touch]: `touch f as x in p` becomes p(v)."""
    why = why_not_touch(state)
    if why:
        raise Refused(f"resume: {why}")
    return _go_on(state)


def wake(state: State) -> State:
    """The decoder waits no longer: a touch of those that are resolved."""
    if state.touched is None:
        raise Refused("wake: the decoder does not wait")
    if state.code is not None:
        raise Refused("wake: a written program waits for all")
    return _go_on(state)


def handed(state: State, futures: Iterable[int]) -> dict[int, Value]:
    """The values of those of these futures that are resolved."""
    values = state.values
    return {future: values[future] for future in futures if future in values}


def deliver(state: State, futures: tuple[int, ...]) -> State:
    """[deliver]: a touch that the environment chose, at this place."""
    for future in futures:
        if not isinstance(state.issued(future).status, Resolved):
            raise Refused(f"deliver $f{future}: it is not resolved")
    return tell(state, handed(state, futures))


def drain(state: State) -> State:
    """The decoder has come to the end, and waits until nothing is under way."""
    if state.touched is not None:
        raise Refused("drain: the decoder waits")
    if state.code is not None and not state.answered:
        raise Refused(f"drain: the program goes on with {head(state)}")
    return replace(state, draining=True)


def why_not_drained(state: State) -> str:
    """What is missing for the end of a run; "" if nothing is. The proofs call such a state final."""
    if not state.draining:
        return "the program has not ended"
    if not all(isinstance(entry.status, Resolved) for entry in state.pool):
        return "a call has not settled"
    return "a tool is under way" if state.ghosts else ""


def drained(state: State) -> State:
    why = why_not_drained(state)
    if why:
        raise Refused(f"drained: {why}")
    return replace(state, draining=False, ended=state.code is not None)


def to_cut(given: Given, state: State) -> int:
    """strict: the first failed call, once every call before it has settled; 0 if there is none to cut at."""
    for entry in state.pool:
        if not isinstance(entry.status, Resolved):
            return 0
        if given.failure == "strict" and entry.future > state.cut and isinstance(entry.status.value, ErrorValue):
            return entry.future
    return 0


def cut(given: Given, state: State, future: int) -> State:
    """[cut]: what was issued after the first failed call never was (`complete_stop` of the proofs stops there)."""
    entry = state.issued(future)
    if future != to_cut(given, state) or not settled_before(state, future):
        raise Refused(f"cut $f{future}: it is not the first failed call, or the run is not strict")
    assert isinstance(entry.status, Resolved)
    assert isinstance(entry.status.value, ErrorValue)
    kept = tuple(each for each in state.pool if each.future <= future)
    ghosts = [replace(ghost, in_doubt=ghost.in_doubt and ghost.future <= future) for ghost in state.ghosts]
    gone = [each for each in state.pool if each.future > future]
    ghosts += [Ghost(each.future, each.status.process, False) for each in gone if isinstance(each.status, Running)]
    written = state.code is not None
    return replace(
        state,
        pool=kept,
        ghosts=tuple(ghosts),
        told=state.told | {origin_of(future, entry.status.value)},
        touched=None,
        draining=False,
        cut=future,
        seen=tuple(seen for seen in state.seen if seen.after < future) if written else state.seen,
        answer=() if written else state.answer,
        code=() if written else None,
        answered=written,
        ended=written,
    )


def cut_off(state: State, future: int) -> set[int]:
    """The calls after this one whose tools are under way: they are asked to stop."""
    later = {entry.future for entry in state.pool if future and entry.future > future}
    return {other for other, _ in state.under_way() if other in later}


def head(state: State) -> Statement:
    """The next statement of the program; past its end, an empty `Done`."""
    assert state.code is not None
    return state.code[0] if state.code else Done()


def part(values: Mapping[int, Value], ref: Ref) -> Value:
    if ref.future not in values:
        return ErrorValue("invalid_reference", f"there is no future $f{ref.future}")
    return follow(values[ref.future], ref.path)


def chosen(branch: Branch, values: Mapping[int, Value]) -> tuple[Statement, ...]:
    """The side that a branch takes."""
    value = part(values, branch.ref)
    return branch.then if not isinstance(value, ErrorValue) and same_json(value, branch.literal) else branch.orelse


def touches(statement: Statement) -> list[int]:
    match statement:
        case Touch(futures):
            return list(futures)
        case Branch(ref):
            return [ref.future]
        case Done(refs):
            return [ref.future for ref in refs]
        case Call():
            return []


def tell(state: State, values: Mapping[int, Value]) -> State:
    """The decoder has seen these values, and knows of the failures among them."""
    failures = {origin_of(each, value) for each, value in values.items() if isinstance(value, ErrorValue)}
    seen = tuple(Seen(state.last, future, value) for future, value in values.items())
    return replace(state, told=state.told | failures, seen=state.seen + seen)


def _free(state: State, what: str) -> None:
    if state.touched is not None or state.draining or state.ended:
        raise Refused(f"{what}: the decoder waits, or has ended")


def _awaited(state: State) -> tuple[int, ...] | None:
    """The futures that the program touches next: of those that it names, those that there are."""
    statement = head(state)
    if isinstance(statement, Call) or state.answered:
        return None
    issued = {entry.future for entry in state.pool}
    return tuple(sorted(issued & set(touches(statement))))


def _go_on(state: State) -> State:
    assert state.touched is not None
    values = handed(state, state.touched.futures)
    after = replace(tell(state, values), touched=None)
    if after.code is None:
        return after
    rest = after.code[1:]
    match head(after):
        case Branch() as branch:
            return replace(after, code=(*chosen(branch, values), *rest))
        case Done(refs):
            return replace(after, code=(), answered=True, answer=tuple(part(values, ref) for ref in refs))
        case _:
            return replace(after, code=rest)
