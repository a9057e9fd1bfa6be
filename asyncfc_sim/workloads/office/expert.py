"""An expert: what a model that makes no mistake writes next, with futures and without.

With futures it passes values on by their names, whether it has seen them or not; it goes on as far as it can without
seeing one, awaits what it must decide on, and before it answers awaits all that it has not been shown. Without, a
message ends before a call that needs a result of the same message. What it decides on, it says first: a small model
learns to compare what stands side by side. What failed is not gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncfc_sim.core.messages import AWAIT
from asyncfc_sim.core.references import Ref, Template, Text
from asyncfc_sim.core.values import JSON

from .judge import wanted
from .tasks import OfficeTask, Use


@dataclass(frozen=True, slots=True)
class Calls:
    """A message of calls: (tool, arguments), and what is said before them."""

    calls: tuple[tuple[str, Mapping[str, Template]], ...]
    text: str = ""


@dataclass(slots=True)
class Expert:
    """One conversation about `task`. `references`: whether values that were not shown can be passed on."""

    task: OfficeTask
    references: bool
    _number: dict[str, int] = field(default_factory=dict)  # of the calls of the conversation, by step

    def next_message(self, messages: Sequence[Mapping[str, Any]]) -> Calls | str:
        """What to write after this transcript: calls, or the answer of its last turn."""
        turn = self.task.turns[sum(message["role"] == "user" for message in messages) - 1]
        shown = shown_values(messages)
        results = {step: _result(shown[number]) for step, number in self._number.items() if number in shown}
        calls: list[tuple[str, Mapping[str, Template]]] = []
        decided: list[str] = []

        def said() -> Calls:
            return Calls(tuple(calls), " ".join(decided))

        for step in turn.steps:
            if step.name in self._number:
                continue
            if step.when is not None and step.when[0] not in results:
                return said() if calls else self._await([step.when[0]])
            if not wanted(step, results):
                continue
            if not self.references and any(used not in results for used in step.uses):
                break
            if step.when is not None:
                decided.append(_decision(step.when, results))
            calls.append((step.tool, {name: self._written(value, results) for name, value in step.args.items()}))
            self._number[step.name] = len(self._number) + 1
        if calls:
            return said()
        unseen = [step for step in self._number if step not in results]
        return self._await(unseen) if unseen else turn.answer(results)

    def _await(self, steps: Sequence[str]) -> Calls:
        return Calls(((AWAIT, {"ids": [Ref(self._number[step]) for step in steps]}),))

    def _written(self, value: Any, results: Mapping[str, Any]) -> Template:
        if not isinstance(value, Use):
            return value
        if not self.references:
            known: Template = value.of(results[value.step])
            return known
        ref = Ref(self._number[value.step], (value.field,))
        around = tuple(part for part in (value.before, ref, value.after) if part)
        return Text(around) if len(around) > 1 else ref


def shown_values(messages: Sequence[Mapping[str, Any]]) -> dict[int, JSON]:
    """The values that a transcript shows, by the number of their call; errors as they are shown."""
    numbers: dict[str, int] = {}
    shown: dict[int, JSON] = {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            if call["function"]["name"] != AWAIT:
                numbers[call["id"]] = len(numbers) + 1
        if message["role"] != "tool":
            continue
        content = json.loads(message["content"])
        number = numbers.get(message["tool_call_id"])
        if isinstance(content, dict) and "resolved" in content:
            shown |= {int(name[2:]): value for name, value in content["resolved"].items()}
            if number is not None and "result" in content:
                shown[number] = content["result"]
        elif number is not None and not (isinstance(content, dict) and content.get("status") == "pending"):
            shown[number] = content
    return shown


def _decision(when: tuple[str, str, str, bool], results: Mapping[str, Any]) -> str:
    looked_at, field, literal, _ = when
    seen = results[looked_at][field]
    return f"{literal}? {seen}: {'yes' if seen == literal else 'no'}."


def _result(shown: Any) -> Any:
    """A result; None for an error."""
    return None if isinstance(shown, dict) and "error" in shown else shown
