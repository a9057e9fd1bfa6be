"""What a run was asked to do, as a journal keeps it: enough to resume the run. Never a key."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import inf
from typing import Any

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.journal import JournaledRun, read_journal


class ResumeError(ValueError):
    """This run cannot be resumed, or not so: why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`prompts` are all messages of the user; `extra` is whatever else who began the run wants to know later."""

    prompts: Sequence[str]
    policy: Policy
    model: str
    endpoint: str
    instructions: str | None = None
    texts: bool = False
    extra: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        policy = asdict(self.policy)
        return {
            **{item.name: getattr(self, item.name) for item in fields(self) if item.name != "extra"},
            **self.extra,
            "prompts": list(self.prompts),
            "policy": {name: "inf" if value == inf else value for name, value in policy.items()},
        }


def plan_of(run: JournaledRun) -> Plan:
    """The plan that a journal keeps. Raises ResumeError if it is not that of an agent, or of another version."""
    given: dict[str, Any] = dict(run.plan)
    ours = {item.name for item in fields(Plan)} - {"extra"}
    try:
        policy: dict[str, Any] = {name: inf if value == "inf" else value for name, value in given["policy"].items()}
        return Plan(
            **{name: given[name] for name in ours - {"policy"}},
            policy=Policy(**policy),
            extra={name: value for name, value in given.items() if name not in ours},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ResumeError(f"run {run.header.run!r} is not one that this version can resume: {error}") from None


def chosen(runs: Sequence[JournaledRun], name: str | None = None) -> JournaledRun:
    """The run of this name; without one, the run that began last. Raises ResumeError if there is none."""
    found = [run for run in runs if name in (None, run.header.run)]
    if not found:
        known = ", ".join(run.header.run for run in runs) or "none"
        raise ResumeError(f"no run {name!r} in this journal; there are: {known}" if name else "no run in this journal")
    return found[-1]


def read_plan(path: str | os.PathLike[str], run: str | None = None) -> Plan:
    """What the run (the last one, if it is not named) of a journal was asked to do.

    Raises ResumeError, TraceError if the file is no journal, OSError if it cannot be opened.
    """
    return plan_of(chosen(read_journal(path), run))
