"""Which variables tools can reach: those that their code names, in the modules of the user's own folder."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from .graph import Graph, Space
from .snapshot import Snapshot

_OURS: Final = __name__.partition(".")[0]


def user_modules(functions: Iterable[Callable[..., Any]]) -> dict[str, ModuleType]:
    """The modules that define the functions, and those of the same folders that are loaded; by name."""
    homes = {name: sys.modules[name] for name in map(_home, functions) if name in sys.modules}
    folders = {Path(file).resolve().parent for module in homes.values() if (file := getattr(module, "__file__", None))}
    beside = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] != _OURS
        and isinstance(module, ModuleType)
        and (file := getattr(module, "__file__", None))
        and _within(file, folders)
    }
    return {**homes, **beside}


def _home(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _within(file: str, folders: set[Path]) -> bool:
    path = Path(file)
    if "site-packages" in path.parts:
        return False
    return any(folder in path.resolve().parents for folder in folders)


class Reach:
    """The state that some functions can reach: its variables, and the code that can touch them."""

    def __init__(self, functions: dict[str, Callable[..., Any]], modules: dict[str, ModuleType]) -> None:
        self._modules = {id(vars(module)): (name, module) for name, module in modules.items()}
        self.graph = Graph(lambda name: name in modules)
        self.files = {file for module in modules.values() if (file := getattr(module, "__file__", None))}
        self._names: set[str] = set()
        self._seen: dict[int, Any] = {}
        main = {_home(function) for function in functions.values()}
        self._labels = {name: "" if name in main else f"{name.rpartition('.')[2]}." for name in modules}
        self._functions = functions
        for function in functions.values():
            self._follow(function)
        known: int | None = None
        while known != (known := len(self._seen)):  # objects of a class may be met before its name is
            for of in Snapshot(self.graph, self.spaces()).classes:
                self._follow(of)

    def spaces(self) -> list[Space]:
        names = frozenset(name for name in self._names if not (name.startswith("__") and name.endswith("__")))
        spaces = [Space(vars(module), names, self._labels[name]) for name, module in self._modules.values()]
        # No code may name the tools themselves, nor the objects that bound methods hold.
        tools: dict[str, Any] = {
            self._name_of(tool, function): getattr(function, "__self__", function)
            for tool, function in self._functions.items()
        }
        return [*spaces, Space(tools, frozenset(tools))]

    def _name_of(self, tool: str, function: Any) -> str:
        """What to call the object that a bound method holds: its variable, or its class."""
        owner = getattr(function, "__self__", None)
        if owner is None:
            return tool
        for _, module in self._modules.values():
            for name, value in vars(module).items():
                if value is owner:
                    return name
        return owner.__name__ if isinstance(owner, type) else type(owner).__name__

    def traced(self, code: CodeType) -> bool:
        return code.co_filename in self.files

    def _follow(self, value: Any) -> None:
        """Collect the names that some code uses, and go on to the code that these names stand for."""
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        for code in _codes(value):
            for name in (*code.co_names, *code.co_freevars):
                self._names.add(name)
                for namespace in self._modules.values():
                    if name in vars(namespace[1]):
                        self._follow(vars(namespace[1])[name])


def _codes(value: Any) -> Iterator[CodeType]:
    match value:
        case FunctionType():
            yield from _nested(value.__code__)
            for cell in value.__closure__ or ():
                try:
                    yield from () if cell.cell_contents is value else _codes_of_part(cell.cell_contents)
                except ValueError:
                    continue
            if hasattr(value, "__wrapped__"):
                yield from _codes(value.__wrapped__)
        case MethodType():
            yield from _codes(value.__func__)
            yield from _codes(type(value.__self__))
        case functools.partial():
            yield from _codes(value.func)
        case staticmethod() | classmethod():
            yield from _codes(value.__func__)
        case property():
            for function in (value.fget, value.fset, value.fdel):
                yield from _codes(function)
        case type():
            for base in value.__mro__[:-1]:
                for part in vars(base).values():
                    yield from _codes_of_part(part)
        case ModuleType():
            return
        case _ if hasattr(value, "__wrapped__"):
            yield from _codes(value.__wrapped__)
        case _ if callable(value):
            yield from _codes(type(value))


def _codes_of_part(value: Any) -> Iterator[CodeType]:
    if isinstance(value, FunctionType | MethodType | staticmethod | classmethod | property | functools.partial):
        yield from _codes(value)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
