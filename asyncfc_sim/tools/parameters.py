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
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from asyncfc_sim.core.values import JSON, UNKNOWN

from .errors import ToolError
from .json_schema import Schema, json_schema
from .to_json import NotJson, to_json


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a function, as a model of its arguments.

    `model` has a field for each parameter, under names of its own (`a0`, `a1`, ...), because a parameter may be called
    as no field of a pydantic model may; in JSON and in messages they have their own names.
    """

    signature: inspect.Signature
    adapters: Mapping[str, TypeAdapter[Any]]
    model: type[BaseModel]
    schema: Schema
    defaults: Mapping[str, Any]  # as JSON; UNKNOWN where JSON cannot hold them
    returns: Any  # the type of the result; Signature.empty where none is given

    def to_python(self, args: Mapping[str, JSON]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments to call the function with: validated, of the declared types, by position where need be.

        Parameters that are left out stay out, so that the function's own defaults hold. Raises ValidationError.
        """
        instance = self.model.model_validate_json(json.dumps(args))
        given = {
            name: getattr(instance, field)
            for field, name in zip(self.model.model_fields, self.signature.parameters, strict=True)
            if field in instance.model_fields_set
        }
        first = [p for p in self.signature.parameters.values() if p.kind is Parameter.POSITIONAL_ONLY]
        while first and first[-1].name not in given:
            first.pop()
        return [given.pop(p.name, p.default) for p in first], given


def parameters_of(tool: str, function: Callable[..., Any], descriptions: Mapping[str, str]) -> Parameters:
    """Read a function's signature. Raises ToolError for one that no JSON object of arguments can fill."""
    signature = _signature(tool, function)
    hints = _hints(tool, function)
    adapters: dict[str, TypeAdapter[Any]] = {}
    fields: dict[str, Any] = {}
    for number, (name, parameter) in enumerate(signature.parameters.items()):
        hint = hints.get(name, Any)
        _check(tool, number, parameter, hint)
        adapters[name] = _adapter(tool, name, hint)
        # The function applies its defaults itself: to the model they only say that the field may be left out.
        default = ... if parameter.default is Parameter.empty else None
        description = _field(hint, "description") or descriptions.get(name)
        fields[f"a{number}"] = (Annotated[hint, Field(alias=name, description=description)], default)
    model: type[BaseModel] = create_model(tool, __config__=ConfigDict(extra="forbid"), **fields)
    defaults = {
        name: _default(parameter.default)
        for name, parameter in signature.parameters.items()
        if parameter.default is not Parameter.empty
    }
    returns = hints.get("return", inspect.Signature.empty)
    return Parameters(signature, adapters, model, _schema(model, defaults), defaults, returns)


def _signature(tool: str, function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise ToolError(tool, "its parameters are not known to Python: wrap it in a function of your own") from None


def _hints(tool: str, function: Any) -> dict[str, Any]:
    """The types of the parameters, also where they are written as text."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not hasattr(function, "__wrapped__"):
        function = type(function).__call__
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        why = f"its annotations name {error.name!r}, which is not there when it runs"
        raise ToolError(tool, f"{why}: define or import it at the top of the module, not under TYPE_CHECKING") from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise ToolError(tool, f"its annotations are no types: {error}") from None


def _check(tool: str, number: int, parameter: Parameter, hint: Any) -> None:
    name = parameter.name
    if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        instead = "a list" if parameter.kind is Parameter.VAR_POSITIONAL else "a dict"
        raise ToolError(tool, f"{parameter} cannot be offered to a model, which names each argument: take {instead}")
    if number == 0 and name in ("self", "cls"):
        raise ToolError(tool, f"it is a method and wants {name!r}: give a bound one, such as obj.{tool}")
    if isinstance(parameter.default, FieldInfo):
        raise ToolError(tool, f"parameter {name!r}: write `{name}: Annotated[..., Field(...)] = default` instead")
    for attribute in ("alias", "validation_alias", "default_factory"):
        if _field(hint, attribute) is not None:
            raise ToolError(
                tool, f"parameter {name!r}: Field({attribute}=...) is for models; use its own name and default"
            )


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
            fix = "import TypedDict from typing_extensions: before Python 3.12 pydantic can use only that one"
        else:
            fix = f"{str(error).partition('. ')[0].splitlines()[0]}; use a JSON type, a dataclass or a pydantic model"
        raise ToolError(tool, f"parameter {name!r}: {fix}") from None
    except NameError as error:
        raise ToolError(tool, f"parameter {name!r}: its type names {error.name!r}, which is not there") from None
    return adapter


def _schema(model: type[BaseModel], defaults: Mapping[str, Any]) -> Schema:
    schema = json_schema(TypeAdapter(model))
    properties = schema.setdefault("properties", {})
    for name, default in defaults.items():
        if default is UNKNOWN:
            del properties[name]["default"]
        else:
            properties[name]["default"] = default
    return schema


def _default(value: Any) -> Any:
    try:
        return to_json(value)
    except NotJson:
        return UNKNOWN


def told(error: ValidationError) -> str:
    """A validation error in one line: where, what is wrong, and what was given."""
    return "; ".join(_told(each["loc"], each["msg"], each["type"], each["input"]) for each in error.errors()[:3])


def _told(place: tuple[int | str, ...], message: str, kind: str, given: Any) -> str:
    where = ".".join(map(str, place)) or "arguments"
    if kind == "missing":
        return f"{where} is missing"
    if kind == "extra_forbidden":
        return f"there is no parameter {where!r}"
    text = repr(given)
    return f"{where}: {message[0].lower()}{message[1:]}, not {text if len(text) <= 60 else text[:57] + '...'}"
