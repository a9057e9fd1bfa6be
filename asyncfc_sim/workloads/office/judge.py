"""What a task must come to: its answers, the calls that are right, and what the office looks like afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .office import Office
from .tasks import OfficeTask, Step, Use


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a conversation: what was answered, turn by turn, and what was booked and sent."""

    answers: tuple[str, ...]
    bookings: tuple[tuple[str, ...], ...]
    messages: Mapping[str, list[str]]


def outcome(answers: tuple[str, ...], office: Office) -> Outcome:
    return Outcome(answers, tuple(office.bookings()), office.messages())


def expected(task: OfficeTask) -> tuple[Outcome, list[tuple[str, dict[str, Any]]]]:
    """The outcome of doing the task step by step, and the calls that this takes: (tool, arguments)."""
    results: dict[str, Any] = {}
    calls: list[tuple[str, dict[str, Any]]] = []
    with Office() as office:
        for turn in task.turns:
            for step in turn.steps:
                if step.name not in results and wanted(step, results):
                    args = {name: _value(value, results) for name, value in step.args.items()}
                    calls.append((step.tool, args))
                    results[step.name] = _done(office, step.tool, args)
        return outcome(tuple(turn.answer(results) for turn in task.turns), office), calls


def wanted(step: Step, results: Mapping[str, Any]) -> bool:
    """Whether a step is to be done: its condition holds, and nothing it uses is known to have failed."""
    if any(used in results and results[used] is None for used in step.uses):
        return False
    if step.when is None:
        return True
    looked_at, field, literal, so = step.when
    return ((results[looked_at] or {}).get(field) == literal) == so


def _done(office: Office, tool: str, args: Mapping[str, Any]) -> Any:
    try:
        return getattr(office, tool)(**args)
    except (LookupError, ValueError):
        return None


def _value(value: Any, results: Mapping[str, Any]) -> Any:
    return value.of(results[value.step]) if isinstance(value, Use) else value
