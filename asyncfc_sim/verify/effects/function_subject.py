"""Plain functions as what is checked: their modules' variables and a sandbox folder are the state."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from types import CodeType, ModuleType
from typing import Any

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.tools.function_tool import FunctionTool, function_tool
from asyncfc_sim.tools.tool_file import ToolFile
from asyncfc_sim.workloads.snapshot import to_json

from .access import Access
from .audit import Refused, Watcher
from .changes import changes
from .containers import read_through
from .graph import Space
from .modules import Reach, user_modules
from .observation import Observation, observe
from .oracle import call_number, installed
from .sandbox import Sandbox, sandbox
from .schema import pool
from .snapshot import Snapshot
from .subject import CannotCheck
from .trial import Call
from .watch import Watch

Examples = Mapping[str, Sequence[Mapping[str, JSON]]]


class FunctionSubject:
    """Made by `function_subject`, which also takes it down: it works only while the sandbox is there."""

    starts = 1

    def __init__(
        self,
        tools: Mapping[str, FunctionTool],
        reach: Reach,
        files: Sandbox,
        *,
        fresh: Callable[[], Any] | None,
        look: Callable[[], Any] | None,
        examples: Examples,
    ) -> None:
        self._functions = tools
        self._reach = reach
        self._files = files
        self._fresh, self._look = fresh, look
        self._watcher = Watcher(files, outside_allowed=fresh is not None and look is not None)
        self._examples = examples
        self._pools: dict[str, dict[str, list[JSON]]] = {}
        self.tools: Mapping[str, Tool] = {name: tool.core for name, tool in tools.items()}
        self._spaces = reach.spaces()
        self._snapshot = Snapshot(reach.graph, self._spaces)
        if self._snapshot.opaque and not (fresh and look):
            raise CannotCheck(_unseen(self._snapshot.opaque))

    def reset(self, start: int) -> None:
        self._files.clear()
        self._snapshot.restore()
        if self._fresh is not None:
            _asked("fresh", self._fresh)

    def call(self, number: int, call: Call) -> Value:
        with self._watcher.at_work(), call_number(number):
            return self._called(self._functions[call.tool], call)

    def watched(self, number: int, call: Call) -> tuple[Value, Sequence[Access]]:
        before = self.observe()
        watch = Watch(self._reach.graph, self._reach.traced, self._watcher.catch_up)
        watch.prepare(self._spaces)
        tool = self._functions[call.tool]
        tool = replace(tool, function=_reading_its_result(tool.function))
        with self._watcher.at_work(watch.note), call_number(number), watch.watching():
            value = self._called(tool, call)
        return value, [*watch.accesses(), *changes(before, self.observe())]

    def _called(self, tool: FunctionTool, call: Call) -> Value:
        try:
            value = tool.call(call.args)
        except Refused as why:
            self._watcher.take_refusal()
            raise _cannot_undo(why, tool) from None
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # a tool may raise what is no Exception
            value = tool.failed(error)
        if (refusal := self._watcher.take_refusal()) is not None:
            raise _cannot_undo(refusal, tool)
        return value

    def observe(self) -> Observation:
        state = observe(self._reach.graph, self._spaces) | self._files.observe()
        if (look := self._look) is not None:
            told = {"observe()": _asked("observe", lambda: to_json(look()))}
            state |= observe(self._reach.graph, [Space(told, frozenset(told))])
        return state

    def leave(self) -> None:
        """Leave the modules as they were found."""
        self._watcher.close()
        self._snapshot.restore()

    def pools(self, tool: str) -> Mapping[str, Sequence[JSON]]:
        if tool not in self._pools:
            schema = self._functions[tool].input_schema
            self._pools[tool] = {name: pool(part, schema.get("$defs")) for name, part in schema["properties"].items()}
        return self._pools[tool]

    def closed(self, tool: str) -> frozenset[str]:
        properties = self._functions[tool].input_schema["properties"]
        return frozenset(name for name, part in properties.items() if part.keys() & {"const", "enum"})

    def required(self, tool: str) -> frozenset[str]:
        return frozenset(self._functions[tool].input_schema.get("required", ()))

    def examples(self, tool: str) -> Sequence[Mapping[str, JSON]]:
        return self._examples.get(tool, ())

    def traced(self, code: CodeType) -> bool:
        return self._reach.traced(code)


@contextmanager
def function_subject(
    tools: ToolFile | Iterable[Any],
    *,
    fresh: Callable[[], Any] | None = None,
    observe: Callable[[], Any] | None = None,
    examples: Callable[[], Examples] | None = None,
) -> Iterator[FunctionSubject]:
    """The tools of a file, or plain functions, ready to be checked; nothing of it is left behind.

    `examples` gives, for tools whose arguments cannot be guessed, arguments to call them with. What tools print is
    thrown away. Raises CannotCheck, and ToolError for what is no tool.
    """
    modules: dict[str, ModuleType] = {}
    if isinstance(tools, ToolFile):
        functions = dict(tools.tools)
        modules[tools.module.__name__] = tools.module
        fresh, observe, examples = fresh or tools.fresh, observe or tools.observe, examples or tools.examples
    else:
        functions = {tool.name: tool for tool in map(function_tool, tools)}
    plain = {name: tool.function for name, tool in functions.items()}
    modules |= user_modules(plain.values())
    with sandbox() as files, redirect_stdout(_Nowhere()), installed([vars(module) for module in modules.values()]):
        given = {} if examples is None else _checked(_asked("examples", examples), functions)
        reach = Reach(plain, modules)
        subject = FunctionSubject(functions, reach, files, fresh=fresh, look=observe, examples=given)
        try:
            yield subject
        finally:
            subject.leave()


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def _asked(name: str, hook: Callable[[], Any]) -> Any:
    """What a hook of the tools' author returns. Raises CannotCheck if it fails."""
    try:
        with call_number(0):
            return hook()
    except (Exception, SystemExit) as error:
        raise CannotCheck(f"{name}() failed: {type(error).__name__}: {error}") from error


def _checked(examples: Any, tools: Mapping[str, FunctionTool]) -> Examples:
    """What `examples()` gave: for names of tools, lists of arguments that these accept."""
    expected = 'expected {"tool": [{"parameter": value, ...}, ...], ...}'
    if not isinstance(examples, Mapping):
        raise CannotCheck(f"examples() returned a {type(examples).__name__}: {expected}")
    for name, calls in examples.items():
        if name not in tools:
            raise CannotCheck(f"examples() names {name!r}, which is no tool; the tools are {', '.join(tools)}")
        if not isinstance(calls, Sequence) or not all(isinstance(args, Mapping) for args in calls):
            raise CannotCheck(f"examples()[{name!r}]: {expected}")
        for args in calls:
            if isinstance(fault := tools[name].arguments(args), ErrorValue):
                raise CannotCheck(f"examples()[{name!r}]: {fault.message}")
    checked: Examples = examples
    return checked


def _unseen(opaque: Mapping[str, Any]) -> str:
    things = "; ".join(f"{name} is a {type(value).__module__}.{type(value).__name__}" for name, value in opaque.items())
    return (
        f"the tools use what can be neither compared nor put back: {things}. Keep state in module-level dicts, lists, "
        "sets, objects of your own classes, or files in the working folder; or write fresh(), which puts the state "
        "back to where it was, and observe(), which returns it as JSON"
    )


def _reading_its_result(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return _later(result) if hasattr(result, "__await__") else read_through(result)

    return call


async def _later(result: Any) -> Any:
    return read_through(await result)


def _cannot_undo(why: Refused, tool: FunctionTool) -> CannotCheck:
    hint = "keep it in a module-level variable or a file in the working folder, or write fresh() and observe()"
    return CannotCheck(f"{why}, and what it does there can be neither undone nor compared; {hint}", tool.name)
