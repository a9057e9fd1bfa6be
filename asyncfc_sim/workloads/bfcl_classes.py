"""The benchmark's own tool classes, unmodified, loaded so that one run does not depend on another nor on the hour.

Three things in the modules of bfcl_eval would make it so:

* State of the modules. Cars of long conversations share one weather report, and tweets without mentions share the
  default list that `mention` extends; the calculator sets the precision of numbers for the whole process. Here the
  modules are loaded a second time, privately, with constants and a precision of their own. (What else leaks, leaks
  through instances and arguments: bfcl_world.py copies both.)
* The clock. Files carry the time of their last change; the age of a traveller is counted from today. The private
  modules see `Clock` in the place of `datetime`: it tells the time that the world has set for the call.
* The time zone, by which the times of transactions are computed. For `Clock` there is only UTC.

Random numbers need nothing: each instance draws from a generator of its own, which is part of its state.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import inspect
from collections.abc import Mapping
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib.resources.abc import Traversable
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, Final, Self

# Each class of the multi-turn splits, and the module that defines it.
CLASSES: Final = MappingProxyType(
    {
        "GorillaFileSystem": "gorilla_file_system",
        "MathAPI": "math_api",
        "MessageAPI": "message_api",
        "TicketAPI": "ticket_api",
        "TradingBot": "trading_bot",
        "TravelAPI": "travel_booking",
        "TwitterAPI": "posting_api",
        "VehicleControlAPI": "vehicle_control",
    }
)
INSTALL: Final = "python -m pip install --no-deps bfcl-eval==2026.3.23 mpmath"
START: Final = datetime(2024, 9, 1, 10, 30)  # where BFCL's own TradingBot has its clock stand still
now: Final[ContextVar[datetime]] = ContextVar("now", default=START)


class MissingBfcl(ImportError):
    """The benchmark is not installed; the message says how to install it."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"the BFCL workload needs {missing}; install it with: {INSTALL}", name=missing)


class Clock(datetime):
    """The `datetime` of the tools: it tells the time that stands in `now`, and knows no zone but UTC."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        moment = now.get()
        return cls.combine(moment.date(), moment.time(), tz)

    @classmethod
    def today(cls) -> Self:
        return cls.now()

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: tzinfo | None = None) -> Self:
        return super().fromtimestamp(timestamp, UTC).replace(tzinfo=tz)

    def timestamp(self) -> float:
        return datetime.timestamp(self if self.tzinfo else self.replace(tzinfo=UTC))

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it cannot change, and worlds with hundreds of files are copied often


def data_folder() -> Traversable:
    """The folder of the benchmark's data files."""
    if importlib.util.find_spec("bfcl_eval") is None:
        raise MissingBfcl("bfcl_eval")
    return importlib.resources.files("bfcl_eval").joinpath("data")


@cache
def load_class(name: str) -> type[Any]:
    """Our private copy of one of the `CLASSES`."""
    spec = _spec(f"bfcl_eval.eval_checker.multi_turn_eval.func_source_code.{CLASSES[name]}")
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise MissingBfcl(error.name or str(error)) from error
    _isolate(module)
    loaded: type[Any] = getattr(module, name)
    return loaded


def _spec(module: str) -> Any:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        raise MissingBfcl("bfcl_eval")
    return spec


def _isolate(module: ModuleType) -> None:
    """Give a module constants that it shares with nobody, the clock of the world, and a precision of its own."""
    for name, value in list(vars(module).items()):
        if name.startswith("__"):
            continue
        if isinstance(value, dict | list):
            setattr(module, name, deepcopy(value))
        elif value is datetime:
            setattr(module, name, Clock)
        elif isinstance(value, datetime):
            setattr(module, name, Clock.combine(value.date(), value.time()))
        elif isinstance(value, ModuleType) and value.__name__ == "datetime":
            setattr(module, name, SimpleNamespace(datetime=Clock))
        elif isinstance(value, ModuleType) and value.__name__ == "mpmath":
            context = value.mp.clone()
            context.mp = context  # `mpmath.mp.dps` and `mpmath.log` are the two names in use
            setattr(module, name, context)


@dataclass(frozen=True, slots=True)
class Method:
    """One tool: the class it belongs to, its parameters (without `self`), and the values of those left out."""

    owner: str
    signature: inspect.Signature
    defaults: Mapping[str, Any]


@cache
def methods(name: str) -> Mapping[str, Method]:
    """The tools that one of the `CLASSES` offers, by name: its public methods."""
    found = {}
    for tool, function in inspect.getmembers(load_class(name), inspect.isfunction):
        if not tool.startswith("_"):
            _, *rest = inspect.signature(function).parameters.values()
            defaults = {each.name: each.default for each in rest if each.default is not each.empty}
            found[tool] = Method(name, inspect.Signature(rest), defaults)
    return MappingProxyType(found)
