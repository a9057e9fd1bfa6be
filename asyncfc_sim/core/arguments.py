"""From a call's templates to the arguments its tool is given: bind, then validate, then the footprint.

The order is part of the meaning: running in order and running asynchronously must refuse the same call with the same
error, so both use these functions, and only once every argument is resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .footprint import BadFootprint, Footprint
from .references import Ref
from .syntax import Call, refs_in
from .tool import Lacks, Tool, Validate
from .values import UNKNOWN, ErrorValue, Value, bind, follow, inherited, with_origin

Arguments = Mapping[str, Any]
# What is known of the result of an earlier call, by its future; None: nothing.
TypeOf = Callable[[int], Lacks | None]

_PLAIN = frozenset({str, int, float, bool, type(None)})


def untyped(future: int) -> None:
    """Nothing is known of any result."""


def needed(call: Call) -> set[int]:
    """The futures that a call's arguments name."""
    return {ref.future for ref in _refs(call)}


def _refs(call: Call) -> list[Ref]:
    return [
        ref
        for template in call.args.values()
        if type(template) not in _PLAIN  # nearly all arguments: the short way past them
        for ref in refs_in(template)
    ]


def reference_fault(call: Call, issued: Mapping[int, object], type_of: TypeOf = untyped) -> ErrorValue | None:
    """The error of a call that names a future not issued before it, or a part that no result of that call has.

    What has returned by now does not matter: a call is refused as it is issued, or not at all, whatever the schedule.
    """
    refs = _refs(call)
    if not refs:
        return None
    unknown = sorted(ref.future for ref in refs if ref.future not in issued or ref.future >= call.future)
    if unknown:
        # After a cut, calls have other numbers than a model would count in its transcript: so it is told.
        message = f"{call.tool}: there is no earlier future $f{unknown[0]}; this call is $f{call.future}"
        return ErrorValue("invalid_reference", message, call.future)
    for ref in refs:
        lacks = type_of(ref.future) if ref.path else None
        lacking = lacks and lacks(ref.path)
        if lacking:
            return ErrorValue("invalid_reference", f"{call.tool}: {ref}: {lacking}", call.future)
    return None


def types_of(calls: Mapping[int, Call], tools: Mapping[str, Tool]) -> TypeOf:
    """What is known of the results of `calls`, which may grow."""

    def type_of(future: int) -> Lacks | None:
        call = calls.get(future)
        return None if call is None or call.tool not in tools else tools[call.tool].lacks

    return type_of


def prepare(call: Call, tool: Tool | None, values: Mapping[int, Value]) -> tuple[Arguments, Footprint] | ErrorValue:
    """The arguments and the footprint to run `call` with, all its futures being in `values`; or why it cannot run."""
    if tool is None:
        return ErrorValue("invalid_argument", f"there is no tool named {call.tool!r}", call.future)
    args: Any = {}
    for name, template in call.args.items():
        bound = bind(template, values)
        if isinstance(bound, ErrorValue):
            return _bind_fault(call, template, values)
        args[name] = bound
    if tool.validate is not None:
        args = _validated(tool.validate, tool, args)
        if isinstance(args, ErrorValue):
            return with_origin(args, call.future)
    try:
        footprint = tool.footprint(args)
    except BadFootprint as fault:
        return ErrorValue("invalid_argument", f"{tool.name}: {fault}", call.future)
    if tool.validate is not None and not _within_bounds(call, tool, footprint, values):
        message = f"{tool.name}: its validation moved what it touches ({footprint}) out of what was known of it before"
        return ErrorValue("invalid_argument", message, call.future)
    return args, footprint


def _validated(validate: Validate, tool: Tool, args: Arguments) -> Arguments | ErrorValue:
    try:
        return validate(args)
    except Exception as error:
        return ErrorValue("invalid_argument", f"{tool.name}: its validation failed: {type(error).__name__}: {error}")


def _within_bounds(call: Call, tool: Tool, footprint: Footprint, values: Mapping[int, Value]) -> bool:
    """Whether `footprint` lies within what the call held while it waited, whichever future it had to wait for last.

    Bounds are taken from arguments that are not validated yet. If validation changed a key, a later call may have
    been let past.
    """
    needs = needed(call)
    return all(
        footprint.within(bound(call, tool, {future: values[future] for future in needs if future != last}))
        for last in needs
    )


def _bind_fault(call: Call, template: Any, values: Mapping[int, Value]) -> ErrorValue:
    """The value of a call one of whose arguments is an error, or lacks the part that the call names."""
    for ref in refs_in(template):
        value = values[ref.future]
        if isinstance(value, ErrorValue):
            return inherited(value, ref.future)
        part = follow(value, ref.path)
        if isinstance(part, ErrorValue):
            return ErrorValue("invalid_reference", f"{ref}: {part.message}", call.future)
    raise AssertionError("a binding fault without a faulty reference")


def bound(call: Call, tool: Tool, values: Mapping[int, Value]) -> Footprint:
    """What is known of a call's footprint while some of its arguments are not."""
    args: dict[str, object] = {}
    for name, template in call.args.items():
        value = bind(template, values)
        args[name] = UNKNOWN if isinstance(value, ErrorValue) else value
    try:
        return tool.footprint(args)
    except BadFootprint as fault:
        return fault.bound  # once every argument is known, the call is refused, or validation fills a default in
