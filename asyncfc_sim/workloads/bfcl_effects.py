"""The declared effects of BFCL's tools, as tools of the core: bfcl_effects.toml, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from asyncfc_sim.core.tool import Tool

from .bfcl_classes import methods
from .escaped import EscapedDeclaration


@cache
def tools(class_name: str) -> Mapping[str, Tool]:
    """The tools of one of BFCL's classes, by name. Those that declare no write are idempotent."""
    declared = _effects()[class_name]
    return MappingProxyType(
        {
            name: Tool(
                name,
                effects=EscapedDeclaration(
                    reads=tuple(declared[name].get("reads", ())),
                    writes=tuple(declared[name].get("writes", ())),
                    defaults=method.defaults,
                ),
                idempotent="writes" not in declared[name],
            )
            for name, method in methods(class_name).items()
        }
    )


@cache
def _effects() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    text = files(__package__).joinpath("bfcl_effects.toml").read_text(encoding="utf-8")
    effects: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = tomllib.loads(text)
    return effects
