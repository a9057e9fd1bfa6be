"""The side conditions of the rules for calls, each over all earlier calls as they stand.

No queues, no trees, nothing remembered between two steps. What a call's arguments and its footprint are is a parameter
of the proofs, and comes from core/arguments; when the call may start is said here a second time.
"""

from __future__ import annotations

from collections.abc import Mapping

from asyncfc_sim.core import arguments
from asyncfc_sim.core.footprint import NOTHING, Footprint, Pattern
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Lacks
from asyncfc_sim.core.values import ErrorValue

from .states import Entry, Given, Pending, Resolved, Running, State

Prepared = tuple[arguments.Arguments, Footprint] | ErrorValue


def indep(one: Footprint, other: Footprint) -> bool:
    """Neither writes what the other accesses; to access is to read or to write (Bernstein)."""
    return _apart(one.writes, other.reads + other.writes) and _apart(other.writes, one.reads + one.writes)


def _apart(some: tuple[Pattern, ...], others: tuple[Pattern, ...]) -> bool:
    return not any(one.overlaps(other) for one in some for other in others)


def known(given: Given, state: State, call: Call) -> Prepared | None:
    """The arguments of a call and its footprint, or why they cannot be had; None as long as one is not resolved."""
    fault = arguments.reference_fault(call, _issued(state, call), _types(given, state))
    if fault is not None:
        return fault
    values = state.values
    if not arguments.needed(call) <= values.keys():
        return None
    return arguments.prepare(call, given.tools.get(call.tool), values)


def _issued(state: State, call: Call) -> Mapping[int, object]:
    return {entry.future: entry for entry in state.before(call.future)}


def _types(given: Given, state: State) -> arguments.TypeOf:
    def lacks(future: int) -> Lacks | None:
        entry = state.entry(future)
        tool = None if entry is None else given.tools.get(entry.call.tool)
        return None if tool is None else tool.lacks

    return lacks


def holds(given: Given, state: State, entry: Entry) -> Footprint:
    """What an unfinished call may still touch: its footprint, or a region that bounds it whatever its arguments are."""
    if isinstance(entry.status, Running):
        return entry.status.process.footprint
    prepared = known(given, state, entry.call)
    if isinstance(prepared, tuple):
        return prepared[1]
    tool = given.tools.get(entry.call.tool)
    if prepared is not None or tool is None:
        return NOTHING  # it will never run
    return arguments.bound(entry.call, tool, state.values)


def quiet(given: Given, state: State, future: int, tool: str, footprint: Footprint) -> str:
    """Why `quiet(j)` does not hold; "" if it does: every earlier call has ended, or is independent, or commutes."""
    for entry in state.before(future):
        if isinstance(entry.status, Resolved) or given.commute(tool, entry.call.tool):
            continue
        if not indep(holds(given, state, entry), footprint):
            return f"it is not independent of $f{entry.future}"
    for ghost in state.ghosts:
        apart = indep(ghost.process.footprint, footprint) or given.commute(tool, ghost.process.tool)
        if ghost.in_doubt and ghost.future < future and not apart:
            return f"it is not independent of $f{ghost.future}, which is in doubt"
    return ""


def exclusive(given: Given, state: State, tool: str, footprint: Footprint) -> str:
    """Why calls that commute forbid it; "" if they do not: they may change places, not take turns in single steps."""
    released = {ghost.future for ghost in state.ghosts if not ghost.in_doubt}
    for other, process in state.under_way():
        if other not in released and given.commute(tool, process.tool) and not indep(process.footprint, footprint):
            return f"it commutes with $f{other}, which is under way"
    return ""


def behind_barrier(given: Given, tool: str, footprint: Footprint) -> bool:
    """`barrier(K)`: whether the call may write what cannot be taken back."""
    return given.tools[tool].irreversible or (given.failure != "poison" and bool(footprint.writes))


def unknown_failure(state: State, entry: Entry) -> int | None:
    """Where the first failure before this call began that the decoder did not know of when it issued the call."""
    for earlier in state.before(entry.future):
        if isinstance(earlier.status, Resolved) and isinstance(earlier.status.value, ErrorValue):
            origin = origin_of(earlier.future, earlier.status.value)
            if origin not in entry.knew:
                return origin
    return None


def origin_of(future: int, error: ErrorValue) -> int:
    return future if error.origin is None else error.origin


def settled_before(state: State, future: int) -> bool:
    return all(isinstance(entry.status, Resolved) for entry in state.before(future))


def slot(given: Given, state: State, tool: str) -> str:
    """Why no worker is free; "" if one is. Only tools under way take workers, never calls that wait."""
    busy = [process.tool for _, process in state.under_way()]
    limit = given.tools[tool].concurrency or given.per_tool
    return "" if len(busy) < given.workers and busy.count(tool) < limit else "no worker is free"


def why_not_start(given: Given, state: State, entry: Entry) -> str:
    """Which side condition of [start j] does not hold; "" if all do."""
    if not isinstance(entry.status, Pending):
        return "it is not pending"
    prepared = known(given, state, entry.call)
    if prepared is None:
        return "its arguments are not resolved"
    if isinstance(prepared, ErrorValue):
        return f"its arguments cannot be had: {prepared.message}"
    tool, footprint = entry.call.tool, prepared[1]
    if behind_barrier(given, tool, footprint):
        if not settled_before(state, entry.future):
            return "an earlier call has not settled"
        if unknown_failure(state, entry) is not None:
            return "an earlier call failed"
    return (
        quiet(given, state, entry.future, tool, footprint)
        or exclusive(given, state, tool, footprint)
        or slot(given, state, tool)
    )
