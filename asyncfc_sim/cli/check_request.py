"""What was asked of `asyncfc check`, whatever is checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `asyncfc check`; each kind of target uses some of them (see the help texts in check.py)."""

    target: str
    name: str | None = None  # of FILE.py:NAME and bfcl:SPLIT
    replay: str | None = None
    scheduler: str = "effect"
    failure: str = "poison"
    granularity: str = "both"
    tools: Path | None = None
    max_states: int = 200_000
    schedules: int = 500
    examples: int | None = None
    seed: int = 0
    require_certified: bool = False
    output: Path | None = None
    as_json: bool = False
    quiet: bool = False


def split_target(target: str) -> tuple[str, str | None]:
    """`FILE.py:NAME` and `bfcl:SPLIT` have a name behind the colon; in other paths a colon is a colon."""
    head, colon, name = target.rpartition(":")
    return (head, name) if colon and (head == "bfcl" or head.endswith(".py")) else (target, None)


class BadRequest(ValueError):
    """An option that says nothing we know."""


def one_of(option: str, given: str, known: Iterable[str]) -> None:
    """Raise BadRequest unless `given` is one of `known`."""
    names = list(known)
    if given not in names:
        raise BadRequest(f"{option} {given!r}: expected one of {', '.join(names)}")


def granularities(given: str) -> list[Literal["atomic", "steps"]]:
    """What `--granularity` asks for. Raises BadRequest."""
    one_of("--granularity", given, ("atomic", "steps", "both"))
    both: list[Literal["atomic", "steps"]] = ["atomic", "steps"]
    return [each for each in both if given in (each, "both")]
