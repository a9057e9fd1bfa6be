"""The parameters of a plain function: which there are, of what types, and how JSON arguments become Python ones.

The function itself is never wrapped and never called here. (`TypeAdapter(function)` would call it.)
"""

from __future__ import annotations

import functools
import inspect
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Final

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from asyncfc_sim.core.values import JSON, UNKNOWN

from .errors import ToolError
from .json_schema import Schema, json_schema, object_schema
from .to_json import NotJson, to_json

_encode: Final = json.JSONEncoder().encode


class BadArguments(ValueError):
    """Arguments that a function does not accept: which, and why."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a function, each with the validator of its type.

    `defaults` are JSON, and UNKNOWN where JSON cannot hold them; `returns` is the type of the result,
    `Signature.empty` where none is given.
    """

    signature: inspect.Signature
    positional_only: tuple[Parameter, ...]
    adapters: Mapping[str, TypeAdapter[Any]]
    defaults: Mapping[str, Any]
    schema: Schema
    returns: Any

    def to_python(self, args: Mapping[str, JSON]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments to call the function with, of the declared types: by position where need be, and by name.

        Parameters that are left out stay out, so that the function's own defaults hold. Raises BadArguments.
        """
        given: dict[str, Any] = {}
        faults: list[str] = []
        for name, adapter in self.adapters.items():
            if name in args:
                try:
                    given[name] = from_json(adapter, args[name])
                except ValidationError as error:
                    faults += [_told((name, *each["loc"]), each["msg"], each["input"]) for each in error.errors()]
                except Exception as error:  # a validator of the user's
                    faults.append(f"{name}: {type(error).__name__}: {error}")
            elif name not in self.defaults:
                faults.append(f"{name} is missing")
        if not args.keys() <= self.adapters.keys():
            faults += [f"there is no parameter {name!r}" for name in args if name not in self.adapters]
        if faults:
            raise BadArguments("; ".join(faults[:3]))
        first = list(self.positional_only)
        while first and first[-1].name not in given:
            first.pop()
        return [given.pop(p.name, p.default) for p in first], given


def from_json(adapter: TypeAdapter[Any], value: JSON) -> Any:
    """A JSON value as one of the adapter's type. Raises ValidationError, and whatever validators of the user's raise.

    By way of its text: what a list or a string may become depends on whether it came as JSON.
    """
    return adapter.validator.validate_json(_encode(value))


def parameters_of(tool: str, function: Callable[..., Any], descriptions: Mapping[str, str]) -> Parameters:
    """Read a function's signature. Raises ToolError for one that no JSON object of arguments can fill."""
    signature = _signature(tool, function)
    hints = _hints(tool, function)
    adapters: dict[str, TypeAdapter[Any]] = {}
    defaults: dict[str, Any] = {}
    for number, (name, parameter) in enumerate(signature.parameters.items()):
        hint = hints.get(name, Any)
        _check(tool, number, parameter, hint)
        adapters[name] = _adapter(tool, name, hint)
        if parameter.default is not Parameter.empty:
            defaults[name] = _default(parameter.default)
    schema = object_schema(adapters, [name for name in adapters if name not in defaults])
    for name, described in schema["properties"].items():
        if descriptions.get(name):
            described.setdefault("description", descriptions[name])
        described.pop("default", None)
        if defaults.get(name, UNKNOWN) is not UNKNOWN:
            described["default"] = defaults[name]
    first = tuple(p for p in signature.parameters.values() if p.kind is Parameter.POSITIONAL_ONLY)
    return Parameters(signature, first, adapters, defaults, schema, hints.get("return", inspect.Signature.empty))


def written(function: Any) -> Any:
    """The function that somebody wrote, with annotations and docstring: behind a partial, or of a callable object."""
    while isinstance(function, functools.partial):
        function = function.func
    plain = inspect.isroutine(function) or hasattr(function, "__wrapped__")
    return function if plain else type(function).__call__


def _signature(tool: str, function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise ToolError(tool, "its parameters are not known to Python: wrap it in a function of your own") from None


def _hints(tool: str, function: Any) -> dict[str, Any]:
    """The types of the parameters, also where they are written as text."""
    try:
        return typing.get_type_hints(written(function), include_extras=True)
    except NameError as error:
        why = f"its annotations name {error.name!r}, which is not there when it runs"
        raise ToolError(tool, f"{why}: define or import it at the top of the module, not under TYPE_CHECKING") from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise ToolError(tool, f"its annotations are no types: {error}") from None


def _check(tool: str, number: int, parameter: Parameter, hint: Any) -> None:
    name = parameter.name
    if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        stars, instead = ("*", "a list") if parameter.kind is Parameter.VAR_POSITIONAL else ("**", "a dict")
        raise ToolError(tool, f"{stars}{name} cannot be offered to a model, which names each argument: take {instead}")
    if number == 0 and name in ("self", "cls"):
        raise ToolError(tool, f"it is a method and wants {name!r}: give a bound one, such as obj.{tool}")
    if isinstance(parameter.default, FieldInfo):
        raise ToolError(tool, f"parameter {name!r}: write `{name}: Annotated[..., Field(...)] = default` instead")
    for attribute in ("alias", "validation_alias", "default_factory"):
        if _field(hint, attribute) is not None:
            fix = f"Field({attribute}=...) is for models; here its own name and default hold"
            raise ToolError(tool, f"parameter {name!r}: {fix}")


def _field(hint: Any, attribute: str) -> Any:
    """What `Annotated[..., Field(attribute=...)]` says, if anything."""
    infos = [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, FieldInfo)]
    return next((value for info in reversed(infos) if (value := getattr(info, attribute)) is not None), None)


def _adapter(tool: str, name: str, hint: Any) -> TypeAdapter[Any]:
    """The validator of a parameter's type, which must have a JSON schema too."""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        json_schema(adapter)
    except PydanticUserError as error:
        if error.code == "typed-dict-version":
            why = "import TypedDict from typing_extensions: before Python 3.12 pydantic can use only that one"
        else:
            why = f"{str(error).partition('. ')[0].splitlines()[0]}; use a JSON type, a dataclass or a pydantic model"
    except Exception as error:  # types may bring code of their own
        why = f"pydantic cannot use its type: {type(error).__name__}: {error}"
    else:
        return adapter
    raise ToolError(tool, f"parameter {name!r}: {why}")


def _default(value: Any) -> Any:
    try:
        return to_json(value)
    except NotJson:
        return UNKNOWN


def _told(place: tuple[int | str, ...], message: str, given: object) -> str:
    """A fault in one line: where, what is wrong, and what was given."""
    text = repr(given)
    where = ".".join(map(str, place))
    return f"{where}: {message[0].lower()}{message[1:]}, not {text if len(text) <= 60 else text[:57] + '...'}"
