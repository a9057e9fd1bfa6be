"""A Python file of tools: it is imported under a name of its own, and its tools are found."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from asyncfc_sim.core.tool import Tool

from .decorator import metadata_of
from .errors import MissingDependency, ToolError, ToolFileError
from .function_tool import FunctionTool, function_tool

_HOOKS: Final = ("fresh", "observe", "examples")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ToolFile:
    """A file, its module, and its tools by name, in the order of the file.

    `fresh`, `observe` and `examples` are the functions of the file with these names, if it has them: the first puts
    the world into a known state, the second returns that state as JSON, the third returns arguments worth trying, a
    list for each tool that it names. They are no tools.
    """

    path: Path
    module: ModuleType
    tools: Mapping[str, FunctionTool]
    fresh: Callable[[], Any] | None = None
    observe: Callable[[], Any] | None = None
    examples: Callable[[], Any] | None = None

    def overridden(self, override: Callable[[Tool], Tool]) -> ToolFile:
        """The same tools, with the last word on what they do being somebody else's. Raises ToolError."""
        return replace(self, tools={name: tool.overridden(override) for name, tool in self.tools.items()})

    @property
    def core(self) -> dict[str, Tool]:
        """The tools as the scheduler sees them."""
        return {name: tool.core for name, tool in self.tools.items()}


def load_tools(path: str | Path, name: str | None = None) -> ToolFile:
    """Import a file and find its tools.

    They are what `name` names (a function, or a list, tuple or dict of functions); without it, what `TOOLS` names, or
    else every function with `@tool`, or else every public function that the file defines. Raises ToolFileError,
    MissingDependency, or OSError if there is no such file.
    """
    path = Path(path)
    with path.open("rb"):
        pass  # there is a file, and it can be read: what goes wrong from here on is in it
    return _found(path, _imported(path), name)


def tools_of(module: ModuleType) -> ToolFile:
    """The tools of a module that is imported already, found as in a file. Raises ToolFileError."""
    return _found(Path(getattr(module, "__file__", None) or module.__name__), module, None)


def _found(path: Path, module: ModuleType, name: str | None) -> ToolFile:
    hooks = {hook: _hook(path, module, hook) for hook in _HOOKS}
    tools = [
        _tool(path, module, function, given)
        for given, function in _functions(path, module, name)
        if not any(function is hook for hook in hooks.values())
    ]
    if not tools:
        named = "TOOLS" if name is None and hasattr(module, "TOOLS") else name
        raise ToolFileError(f"{path}: no tools: {f'{named} names none' if named else 'it defines no public function'}")
    return ToolFile(path, module, _by_name(path, tools, complete=name is None), **hooks)


def _imported(path: Path) -> ModuleType:
    stem = re.sub(r"\W", "_", path.stem)
    name = f"_asyncfc_tools_{next(_numbers)}_{stem}"  # no name that somebody imports
    loader = SourceFileLoader(name, str(path.absolute()))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses, pydantic and pickle look there
    try:
        with _as_script(path.resolve().parent), redirect_stdout(sys.stderr):
            loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_error(path, error) from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _as_script(folder: Path) -> Iterator[None]:
    """As if Python had been started on a file of this folder: its neighbours can be imported. Nothing is written."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with suppress(ValueError):  # the file may have changed the path itself
            sys.path.remove(str(folder))
        sys.dont_write_bytecode = before


def _import_error(path: Path, error: BaseException) -> Exception:
    file = str(path.absolute())
    if isinstance(error, SyntaxError) and error.filename == file:
        return ToolFileError(f"{path}:{error.lineno}:{error.offset}: {error.msg}")
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f"{path}:{lines[-1]}" if lines else str(path)
    match error:
        case ToolError() | ToolFileError():
            return ToolFileError(f"{where}: {error}")
        case ModuleNotFoundError(name=str(missing)) if missing.partition(".")[0] != "asyncfc_sim":
            return MissingDependency(f"{where}: the Python package {missing!r} is not installed", name=missing)
        case _:
            return ToolFileError(f"{where}: it cannot be imported: {type(error).__name__}: {error}")


def _tool(path: Path, module: ModuleType, function: Any, name: str | None) -> FunctionTool:
    try:
        return function_tool(function, name)
    except ToolError as error:
        raise ToolFileError(f"{path}{_line(module, function)}: {error}") from None


def _line(module: ModuleType, function: Any) -> str:
    """`:12` where the function begins on line 12 of the file; nothing if it is from elsewhere."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    return f":{code.co_firstlineno}" if code is not None and code.co_filename == module.__file__ else ""


def _hook(path: Path, module: ModuleType, name: str) -> Callable[[], Any] | None:
    hook = getattr(module, name, None)
    if hook is None:
        return None
    expected = f"{path}: {name} is kept for a function without parameters, which is not async"
    if not callable(hook) or inspect.iscoroutinefunction(hook):
        raise ToolFileError(expected)
    try:
        inspect.signature(hook).bind()
    except TypeError as error:
        raise ToolFileError(f"{expected}: {error}") from None
    except ValueError:
        pass  # a builtin that does not say
    found: Callable[[], Any] = hook
    return found


def _functions(path: Path, module: ModuleType, name: str | None) -> Iterator[tuple[str | None, Any]]:
    """The functions that are to be tools, each with the name it is given, if any."""
    if name is not None or hasattr(module, "TOOLS"):
        yield from _listed(path, module, "TOOLS" if name is None else name)
        return
    found: dict[int, Any] = {}
    for value in vars(module).values():
        if metadata_of(value) is not None:
            found.setdefault(id(value), value)
    if not found:
        for public, value in vars(module).items():
            if not public.startswith("_") and _defined_in(module, value):
                found.setdefault(id(value), value)
    yield from ((None, function) for function in found.values())


def _listed(path: Path, module: ModuleType, name: str) -> Iterator[tuple[str | None, Any]]:
    if not hasattr(module, name):
        raise ToolFileError(f"{path}: it has no {name!r}")
    match getattr(module, name):
        case list() | tuple() as functions:
            yield from ((None, function) for function in functions)
        case dict() as functions:
            yield from functions.items()
        case function if callable(function) and not isinstance(function, type):
            yield None, function
        case other:
            expected = "a function, or a list, tuple or dict of functions, is expected"
            raise ToolFileError(f"{path}: {name}: {expected}, not a {type(other).__name__}")


def _defined_in(module: ModuleType, value: object) -> bool:
    return (
        callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", None) == module.__name__
        and str(getattr(value, "__name__", "")).isidentifier()
    )


def _by_name(path: Path, tools: list[FunctionTool], *, complete: bool) -> dict[str, FunctionTool]:
    found: dict[str, FunctionTool] = {}
    for tool in tools:
        if tool.name in found:
            raise ToolFileError(f'{path}: two tools are named {tool.name!r}: @tool(name="...") gives one another name')
        found[tool.name] = tool
    for tool in tools:
        for other in sorted(tool.core.commutes_with) if complete else ():
            if other not in found:
                raise ToolFileError(f"{path}: tool {tool.name!r}: commutes_with: {other!r} is no tool of this file")
    return found
