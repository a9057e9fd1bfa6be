"""The world of one BFCL conversation: instances of the benchmark's classes, and their methods as tools."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import timedelta
from random import Random
from typing import Any, Self

from asyncfc_sim.core.values import JSON, ErrorValue, Value

from .bfcl_classes import START, load_class, methods, now
from .snapshot import describe, to_json

STATELESS = frozenset({"MathAPI"})  # has no scenario to load


class BfclWorld:
    """Instances by class name. They share nothing with other worlds, with arguments, or with results."""

    __slots__ = ("_instances", "_methods")

    def __init__(self, instances: Mapping[str, Any]) -> None:
        # Copied, because a scenario may put objects of the module into an instance (the credit cards of the
        # long-context split), where the next world would find them changed.
        self._instances = _clone(instances)
        self._methods = {tool: method for name in self._instances for tool, method in methods(name).items()}

    @classmethod
    def load(cls, classes: Iterable[str], config: Mapping[str, JSON], *, long_context: bool) -> Self:
        """The world at the start of a conversation, made as BFCL's own runner makes it."""
        instances = {name: load_class(name)() for name in classes}
        token = now.set(START)
        try:
            for name, instance in instances.items():
                if name not in STATELESS:
                    instance._load_scenario(deepcopy(config.get(name, {})), long_context=long_context)
        finally:
            now.reset(token)
        return cls(instances)

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        """Run a tool at the hour of its future: as many seconds after the start as the future's number says."""
        if tool not in self._methods:
            return ErrorValue("invalid_argument", f"there is no tool {tool!r}")
        method = self._methods[tool]
        try:
            given = method.signature.bind(**deepcopy(dict(args))).arguments
        except TypeError as error:
            return ErrorValue("invalid_argument", f"{tool}: {error}")
        # Defaults are passed afresh: as `mentions=[]` stands, all tweets ever made would share one list.
        fresh = deepcopy(dict(method.defaults))
        token = now.set(START + timedelta(seconds=future))
        try:
            with decimal.localcontext():
                return to_json(getattr(self._instances[method.owner], tool)(**(fresh | given)))
        except Exception as error:  # whatever it is, the model is to see it
            return ErrorValue("tool_error", f"{tool}: {type(error).__name__}: {error}", effects="unknown")
        finally:
            now.reset(token)

    @property
    def instances(self) -> dict[str, Any]:
        """The instances themselves, for those who watch them."""
        return self._instances

    def state(self) -> str:
        """One line for each attribute of each instance, private ones included."""
        return "".join(
            describe({f"{name}.{attribute}": value for attribute, value in vars(instance).items()})
            for name, instance in self._instances.items()
        )

    def copy(self) -> Self:
        return type(self)(self._instances)


def _clone(instances: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy. Random generators are copied by hand: their 625 words would take three quarters of the time."""
    memo: dict[int, Any] = {}
    for instance in instances.values():
        for value in vars(instance).values():
            if isinstance(value, Random):
                memo[id(value)] = twin = Random(0)
                twin.setstate(value.getstate())
    return deepcopy(dict(instances), memo)
