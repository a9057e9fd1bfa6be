"""What was asked of `asyncfc check`, whatever is checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
