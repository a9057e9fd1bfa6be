"""The reference machine: one call at a time, in issue order. The meaning that every schedule must match.

It shares with the scheduler how a program is read (interpreter) and how arguments are bound (arguments), and nothing
else: no State Tree, no queues, no slots. What is left is the definition of the failure modes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import arguments
from .events import Cut, Drain, Drained, Issue, Resume, Touch
from .interpreter import Interpreter, Outcome
from .scheduler import Failure
from .syntax import Call, Program
from .tool import Tool
from .values import JSON, ErrorValue, Value, with_origin

# Run the tool to its end and return its value, or an ErrorValue if it raised.
Execute = Callable[[int, str, Mapping[str, JSON]], Value]


def run_sequential(
    program: Program, tools: Mapping[str, Tool], execute: Execute, failure: Failure = "poison"
) -> Outcome:
    """Run `program` call by call and return what can be observed of it."""
    machine = _Sequential(tools, execute, failure)
    decoder = Interpreter(program)
    while (event := decoder.next_event()) is not None:
        match event:
            case Issue(call):
                stop = machine.call(call)
                if stop:
                    decoder.receive(Cut(call.future))
            case Touch(futures):
                machine.told |= {machine.origin[future] for future in futures if future in machine.origin}
                if isinstance(decoder.receive(Resume({future: machine.values[future] for future in futures})), Drain):
                    decoder.receive(Drained())
    return decoder.outcome(machine.values)


class _Sequential:
    """The values so far, where each failure began, and which failures the decoder has been told of."""

    def __init__(self, tools: Mapping[str, Tool], execute: Execute, failure: Failure) -> None:
        self.tools, self.execute, self.failure = tools, execute, failure
        self.values: dict[int, Value] = {}
        self.origin: dict[int, int] = {}
        self.told: set[int] = set()
        self.calls: dict[int, Call] = {}
        self.type_of = arguments.types_of(self.calls, tools)

    def call(self, call: Call) -> bool:
        """Run one call; True if the run stops here (strict, and the call failed)."""
        value = self._value(call)
        self.values[call.future] = value
        if not isinstance(value, ErrorValue):
            return False
        self.origin[call.future] = call.future if value.origin is None else value.origin
        return self.failure == "strict"

    def _value(self, call: Call) -> Value:
        tool = self.tools.get(call.tool)
        fault = arguments.reference_fault(call, self.values, self.type_of)
        self.calls[call.future] = call
        if fault is not None:
            return fault
        prepared = arguments.prepare(call, tool, self.values)
        if tool is None or isinstance(prepared, ErrorValue):
            return prepared
        args, footprint = prepared
        if tool.irreversible or (self.failure != "poison" and footprint.writes):
            untold = [origin for origin in self.origin.values() if origin not in self.told]
            if untold:
                message = f"{tool.name} was not run, because $f{untold[0]} failed"
                return ErrorValue("not_executed", message, origin=untold[0])
        value = self.execute(call.future, call.tool, args)
        return with_origin(value, call.future) if isinstance(value, ErrorValue) else value
