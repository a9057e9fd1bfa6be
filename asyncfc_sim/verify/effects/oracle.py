"""Chance and time, the same in every order: each call has its own, by its number.

A tool that asks for the hour or draws at random is no function of its arguments and the state. It becomes one if each
call is told its own hour and draws from its own generator, whenever it runs (formal.md 1.8). In the modules of the
tools, `time`, `datetime`, `random` and `asyncio` are replaced by such for the length of a check; so is the source of
`uuid4` and `secrets`. Nobody sleeps.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Final, Self

START: Final = datetime.datetime(2024, 9, 1, 10, 30, tzinfo=datetime.UTC)
_sleep = asyncio.sleep


class _Own:
    """What a call has to itself. Its generator is made when it is first asked for: few calls do."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._random: random.Random | None = None

    @property
    def random(self) -> random.Random:
        if self._random is None:
            self._random = random.Random(self.number)
        return self._random


_nobody = _Own(0)
_own: ContextVar[_Own] = ContextVar("own")


@contextmanager
def call_number(number: int) -> Iterator[None]:
    """Around a call: its hour and its chance are those of this number."""
    token = _own.set(_Own(number))
    try:
        yield
    finally:
        _own.reset(token)


@contextmanager
def installed(namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """In these modules, and only inside this block, chance and time are those of the call."""
    replaced = _replacements()
    with ExitStack() as stack:
        for namespace in namespaces:
            for name, value in list(namespace.items()):
                if id(value) in replaced:
                    namespace[name] = replaced[id(value)]
                    stack.callback(namespace.__setitem__, name, value)
        for module, name in ((os, "urandom"), (random, "_urandom")):
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, _urandom)
        yield


class _InstancesOfDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime.datetime)


class Clock(datetime.datetime, metaclass=_InstancesOfDatetime):
    """The `datetime` of the tools."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Self:
        moment = START + datetime.timedelta(seconds=_own.get(_nobody).number)
        moment = moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz)
        return cls.combine(moment.date(), moment.timetz())

    @classmethod
    def utcnow(cls) -> Self:
        return cls.now()

    @classmethod
    def today(cls) -> Self:
        return cls.now()


class _InstancesOfDate(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime.date)


class Day(datetime.date, metaclass=_InstancesOfDate):
    """The `date` of the tools."""

    @classmethod
    def today(cls) -> Self:
        return cls.fromordinal(Clock.now().toordinal())


def _seconds() -> float:
    return START.timestamp() + _own.get(_nobody).number


def _urandom(size: int, /) -> bytes:
    return _own.get(_nobody).random.randbytes(size)


def _replacements() -> dict[int, Any]:
    """By the id of the original, what stands for it: functions, classes, and modules that hold them."""
    by_module: dict[ModuleType, dict[str, Any]] = {
        time: {"time": _seconds, "time_ns": lambda: int(_seconds() * 1e9), "sleep": lambda _: None},
        datetime: {"datetime": Clock, "date": Day},
        asyncio: {"sleep": lambda _, result=None: _sleep(0, result)},
        random: {
            name: _drawing(name)
            for name, function in vars(random).items()
            if isinstance(getattr(function, "__self__", None), random.Random)
        },
    }
    replaced: dict[int, Any] = {}
    for module, functions in by_module.items():
        twin = ModuleType(module.__name__)
        vars(twin).update({**vars(module), **functions})
        replaced[id(module)] = twin
        replaced |= {id(getattr(module, name)): function for name, function in functions.items()}
    return replaced


def _drawing(name: str) -> Any:
    def draw(*args: Any, **kwargs: Any) -> Any:
        return getattr(_own.get(_nobody).random, name)(*args, **kwargs)

    return draw
