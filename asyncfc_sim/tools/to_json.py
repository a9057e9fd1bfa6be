"""What a Python value is in JSON: results, defaults and arguments take that form here."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from asyncfc_sim.core.values import JSON, canonical

# NaN and the infinities stay what they are here, to be refused below, rather than turn into null.
_ANYTHING: Final[TypeAdapter[Any]] = TypeAdapter(Any, config=ConfigDict(ser_json_inf_nan="constants"))

_encode: Final = json.JSONEncoder(allow_nan=False).encode


class NotJson(ValueError):
    """A value that JSON cannot hold, and why."""


def to_json(value: Any) -> JSON:
    """A value as pydantic writes it; the result shares nothing with it. Raises NotJson.

    Sets are sorted, because equal sets need not have one order.
    """
    if value is None or type(value) in (str, int, bool):  # nearly all arguments
        return value
    try:
        dumped = _ANYTHING.dump_python(_sorted(value), mode="json", by_alias=True, fallback=_other)
        _encode(dumped)
    except (ValueError, TypeError, RecursionError) as error:
        raise NotJson(str(error)) from None
    return dumped


def _other(value: Any) -> Any:
    """What pydantic does not know how to write."""
    if isinstance(value, os.PathLike):  # it knows Path, but not PurePath
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is no type that JSON can hold")


def _sorted(value: Any) -> Any:
    match value:
        case set() | frozenset():
            return sorted((to_json(item) for item in value), key=canonical)
        case list() | tuple():
            return [_sorted(item) for item in value]
        case dict():
            return {key: _sorted(item) for key, item in value.items()}
        case _:
            return value
