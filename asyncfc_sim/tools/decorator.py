"""`@tool`: what a developer says of a function. It is attached to the function, which stays as it was.

Files of tools import this module, so it imports nothing but the standard library and the core's footprints.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final, TypeVar, overload

from asyncfc_sim.core.footprint import KeyTemplates, parse_pattern

from .errors import ToolError

ATTRIBUTE: Final = "__asyncfc__"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what chat protocols accept

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `@tool` was told. Neither reads nor writes: undeclared, so every call reads and writes everything."""

    reads: KeyTemplates | None = None
    writes: KeyTemplates | None = None
    irreversible: bool = False
    idempotent: bool = False
    timeout_s: float | None = None
    concurrency: int | None = None
    commutes_with: tuple[str, ...] = ()
    name: str | None = None
    approval: bool = False

    @property
    def declared(self) -> bool:
        """Whether anything was said of its effects."""
        return self.reads is not None or self.writes is not None


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    *,
    reads: KeyTemplates | None = None,
    writes: KeyTemplates | None = None,
    irreversible: bool = False,
    idempotent: bool = False,
    timeout_s: float | None = None,
    concurrency: int | None = None,
    commutes_with: Iterable[str] = (),
    approval: bool = False,
    name: str | None = None,
) -> Callable[[F], F]: ...
def tool(
    function: Any = None,
    /,
    *,
    reads: KeyTemplates | None = None,
    writes: KeyTemplates | None = None,
    irreversible: bool = False,
    idempotent: bool = False,
    timeout_s: float | None = None,
    concurrency: int | None = None,
    commutes_with: Iterable[str] = (),
    approval: bool = False,
    name: str | None = None,
) -> Any:
    """Say of a function what its calls read and write, and how they may be run; returns the same function.

        @tool(reads=["file:{path}"])
        def read(path: str) -> str: ...

    `reads` and `writes` are lists of key patterns, with the function's parameters in braces, or a function from the
    arguments (a mapping, defaults filled in) to such a list. `irreversible`: a call starts only after every earlier
    call has succeeded. `idempotent`: a call may be repeated. `concurrency`: calls of it under way at once, at most.
    `timeout_s` counts from a call's start. `commutes_with`: names of tools whose calls may run before or after, though
    not during, one of this tool. `approval`: a person is shown a call's arguments, and asked, before it runs. `name`:
    what the model calls it, if not the function's name.

    Raises ToolError for what cannot be meant.
    """

    def attach(function: Any) -> Any:
        what = named(function)
        metadata = Metadata(
            _templates(what, "reads", reads),
            _templates(what, "writes", writes),
            _flag(what, "irreversible", irreversible),
            _flag(what, "idempotent", idempotent),
            _seconds(what, timeout_s),
            _count(what, concurrency),
            _list(what, "commutes_with", commutes_with),
            _name(what, name),
            _flag(what, "approval", approval),
        )
        if not callable(getattr(function, "__func__", function)):  # staticmethod and classmethod hold one
            raise ToolError(what, "@tool stands above a function; its arguments go by name: @tool(reads=[...])")
        _check_parameters(what, function, metadata)
        # A method is made anew at each look: what is to last is attached to the function behind it.
        setattr(getattr(function, "__func__", function), ATTRIBUTE, metadata)
        return function

    return attach if function is None else attach(function)


def metadata_of(function: object) -> Metadata | None:
    """What `@tool` attached to a function; None if it was never there."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Metadata) else None


def named(function: object) -> str:
    """What to call a function in a message."""
    return str(getattr(function, "__name__", None) or repr(function))


def _templates(what: str, key: str, templates: KeyTemplates | None) -> KeyTemplates | None:
    if templates is None or callable(templates):
        return templates
    checked = _list(what, key, templates)
    for template in checked:
        try:
            pieces = list(Formatter().parse(template))
            if any(name == "" or form or conversion for _, name, form, conversion in pieces):
                raise ValueError("braces hold the name of a parameter, and nothing else")
            parse_pattern("".join(text + ("" if name is None else "x") for text, name, _, _ in pieces))
        except ValueError as error:
            raise ToolError(what, f"{key}: {template!r}: {error}") from None
    return checked


def _list(what: str, key: str, items: Iterable[str]) -> tuple[str, ...]:
    if isinstance(items, str):
        raise ToolError(what, f"{key} is a list, not a string: write {key}=[{items!r}]")
    try:
        checked = tuple(items)
    except TypeError:
        raise ToolError(what, f"{key} is a list of strings, not {items!r}") from None
    for item in checked:
        if not isinstance(item, str):
            raise ToolError(what, f"{key} is a list of strings; {item!r} is none")
    return checked


def _flag(what: str, key: str, value: bool) -> bool:
    if not isinstance(value, bool):
        raise ToolError(what, f"{key} is True or False, not {value!r}")
    return value


def _seconds(what: str, value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ToolError(what, f"timeout_s is a number of seconds above 0, not {value!r}")
    return float(value)


def _count(what: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ToolError(what, f"concurrency is a whole number, 1 or more, not {value!r}")
    return value


def _name(what: str, name: str | None) -> str | None:
    if name is not None and not (isinstance(name, str) and valid_name(name)):
        raise ToolError(what, f"name={name!r}: 1 to 64 of the characters A-Z a-z 0-9 _ - are expected")
    return name


def valid_name(name: str) -> bool:
    """Whether models can be told of a tool by this name."""
    return _NAME.fullmatch(name) is not None


def _check_parameters(what: str, function: Any, metadata: Metadata) -> None:
    """Each template names parameters that the function has."""
    try:
        parameters = inspect.signature(getattr(function, "__func__", function)).parameters
    except (TypeError, ValueError):
        return  # a builtin: FunctionTool will tell
    for key, templates in (("reads", metadata.reads), ("writes", metadata.writes)):
        if templates is None or callable(templates):
            continue
        for template in templates:
            for _, name, _, _ in Formatter().parse(template):
                if name is not None and name not in parameters:
                    known = ", ".join(parameters) or "none"
                    raise ToolError(what, f"{key}: {template!r} names {name!r}; its parameters are: {known}")
