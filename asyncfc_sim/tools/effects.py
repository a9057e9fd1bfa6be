"""What a function's calls touch: its declaration, seeing arguments as the function will, defaults included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from asyncfc_sim.core.footprint import Arguments, Declaration, Footprint
from asyncfc_sim.core.values import UNKNOWN

from .decorator import Metadata
from .parameters import Parameters


@dataclass(frozen=True, slots=True)
class FunctionEffects(Declaration):
    """A declaration whose templates see every argument in one form, and defaults where arguments are left out.

    The form is the JSON of the value that the function is given, a whole float without its fraction: `5`, `5.0` and
    `"5"` name one key if the parameter is an int. A value that JSON cannot hold counts as unknown, so the region
    before it bounds the call.
    """

    adapters: Mapping[str, TypeAdapter[Any]] = field(default_factory=dict, hash=False)
    defaults: Arguments = field(default_factory=dict, hash=False)

    def footprint(self, args: Arguments) -> Footprint:
        seen = {name: self._seen(name, value) for name, value in args.items()}
        return Declaration.footprint(self, {**self.defaults, **seen})

    def _seen(self, name: str, value: Any) -> Any:
        if value is UNKNOWN or name not in self.adapters:
            return value
        adapter = self.adapters[name]
        try:
            return _plain(adapter.dump_python(adapter.validate_json(json.dumps(value)), mode="json", by_alias=True))
        except ValidationError:
            return value  # the call will be refused
        except (PydanticSerializationError, ValueError, TypeError):
            return UNKNOWN


def effects_of(metadata: Metadata | None, parameters: Parameters) -> FunctionEffects | None:
    """What a function declares; None if it declares nothing."""
    if metadata is None or not metadata.declared:
        return None
    defaults = {
        name: _default(parameter.default)
        for name, parameter in parameters.signature.parameters.items()
        if parameter.default is not parameter.empty
    }
    reads, writes = metadata.reads or (), metadata.writes or ()
    return FunctionEffects(reads, writes, adapters=parameters.adapters, defaults=defaults)


def _default(value: Any) -> Any:
    try:
        return _plain(to_jsonable_python(value))
    except (PydanticSerializationError, ValueError, TypeError):
        return UNKNOWN


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
