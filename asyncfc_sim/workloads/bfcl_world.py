"""The world of one BFCL conversation: instances of the benchmark's classes, and their methods as tools."""

from __future__ import annotations

import decimal
import inspect
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import timedelta
from functools import cache
from typing import Any, Self

from asyncfc_sim.core.values import JSON, ErrorValue, Value

from .bfcl_classes import START, load_class, now, signatures
from .snapshot import describe, to_json

STATELESS = frozenset({"MathAPI"})  # has no `_load_scenario`


class BfclWorld:
    """Instances by class name. They share nothing with other worlds, with the arguments, or with the results."""

    __slots__ = ("_instances", "_owners")

    def __init__(self, instances: Mapping[str, Any]) -> None:
        # One deep copy for all of them: a scenario may put objects of a module into an instance (the credit cards of
        # long conversations), where the next world would find them changed.
        self._instances: dict[str, Any] = deepcopy(dict(instances))
        self._owners = _owners(tuple(self._instances))

    @classmethod
    def load(cls, classes: Iterable[str], config: Mapping[str, JSON], *, long_context: bool) -> Self:
        """The start of a conversation, as BFCL's own runner makes it."""
        instances = {name: load_class(name)() for name in classes}
        token = now.set(START)
        try:
            for name in instances.keys() - STATELESS:
                instances[name]._load_scenario(deepcopy(config.get(name, {})), long_context=long_context)
        finally:
            now.reset(token)
        return cls(instances)

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """Run a tool at the hour of its future: second by second after the start, in the order of issue."""
        if tool not in self._owners:
            return ErrorValue("invalid_argument", f"there is no tool {tool!r}")
        signature = signatures(self._owners[tool])[tool]
        try:
            bound = signature.bind(**deepcopy(dict(args)))
        except TypeError as error:
            return ErrorValue("invalid_argument", f"{tool}: {error}")
        # A default that can change (`mentions=[]`) is passed afresh: as it stands, all calls would share one list.
        fresh = {name: deepcopy(value) for name, value in _mutable_defaults(signature).items()}
        token = now.set(START + timedelta(seconds=future))
        try:
            with decimal.localcontext():
                method = getattr(self._instances[self._owners[tool]], tool)
                return to_json(method(**fresh | bound.arguments))
        except Exception as error:
            return ErrorValue("tool_error", f"{tool}: {type(error).__name__}: {error}", effects="unknown")
        finally:
            now.reset(token)

    def state(self) -> str:
        """One line for each attribute of each instance."""
        ...

    def copy(self) -> Self:
        return type(self)(self._instances)
