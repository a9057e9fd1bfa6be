"""What a function's calls touch: its declaration, seeing arguments as the function will, defaults included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from pydantic import TypeAdapter

from asyncfc_sim.core.footprint import Arguments, Declaration, Footprint, KeyTemplates
from asyncfc_sim.core.values import UNKNOWN

from .decorator import Metadata
from .parameters import Parameters, from_json
from .to_json import NotJson, to_json


@dataclass(frozen=True, slots=True)
class FunctionEffects(Declaration):
    """A declaration whose templates see the values that the function will be given, and defaults for those left out.

    They see them as JSON, a whole float without its fraction: `5`, `5.0` and `"5"` give one key if the parameter is an
    int. A value that JSON cannot hold counts as unknown, so that the region before it bounds the call.
    """

    adapters: Mapping[str, TypeAdapter[Any]] = field(default_factory=dict, hash=False)
    defaults: Arguments = field(default_factory=dict, hash=False)

    def footprint(self, args: Arguments) -> Footprint:
        given = {name: self._seen(name, value) for name, value in args.items()}
        return Declaration.footprint(self, {**self.defaults, **given})

    def _seen(self, name: str, value: Any) -> Any:
        if value is UNKNOWN or name not in self.adapters:
            return value
        try:
            given = from_json(self.adapters[name], value)
        except Exception:  # also of validators of the user's: the call will be refused
            return value
        try:
            return _whole(to_json(given))
        except NotJson:
            return UNKNOWN


def effects_of(metadata: Metadata | None, parameters: Parameters) -> FunctionEffects | None:
    """What a function declares; None if it declares nothing."""
    if metadata is None or not metadata.declared:
        return None
    return as_given(Declaration(metadata.reads or (), metadata.writes or ()), parameters)


def as_given(declared: Declaration, parameters: Parameters) -> FunctionEffects:
    """The same declaration, seeing arguments as the function will."""
    named = _named(declared.reads, parameters) | _named(declared.writes, parameters)
    return FunctionEffects(
        declared.reads,
        declared.writes,
        declared.bound_reads,
        declared.bound_writes,
        adapters={name: parameters.adapters[name] for name in sorted(named)},
        defaults={name: _whole(value) for name, value in parameters.defaults.items()},
    )


def _named(templates: KeyTemplates, parameters: Parameters) -> set[str]:
    """The parameters on which the keys may depend."""
    if callable(templates):
        return set(parameters.adapters)
    return {name for template in templates for _, name, _, _ in Formatter().parse(template) if name is not None}


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
