"""Which recorded call needs the result of which: found by the values that flow between them, where content is recorded.

A value in the arguments of a call that stands in the message of the user, in a result of an earlier turn, in a result
that was read before, or in an earlier argument that was not passed on itself was known, and is no evidence. Else,

* if it is a leaf of a result of an earlier message of the turn, or the whole of it, it was passed on: `deps`;
* if it is made of such a leaf, or shares a name with such a result, the model has read that result: `reads`.

A name is a path, an identifier, a version: a word with a digit, a sign or an inner capital letter in it. In a text of
several lines only names count, since plain words and numbers stand there by chance. Of several results the earliest is
taken. Calls of one message cannot have seen each other's results. What is found is evidence, no proof, and no more than
a part: a model also decides by what it does not copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.evidence import Seen, found_in_part, found_whole, leaves, tells
from asyncfc_sim.traces.sessions import RecordedCall, RecordedStep, RecordedTurn

SHORT: Final = 200  # characters of a text in which a plain word is evidence
_NAME: Final = re.compile(r"[\w.~/][\w./@+-]{2,}\w")
_SPECIAL: Final = re.compile(r"[a-zA-Z].*[\d_./]|[\d_./].*[a-zA-Z]|[a-z][A-Z]|\d-\d")


def with_flow(turns: Iterable[RecordedTurn]) -> tuple[RecordedTurn, ...]:
    """The turns of a session with `deps` and `reads` of each call whose arguments, and all results before it, are
    recorded; null for the others."""
    known = _Known()
    return tuple(_turn(turn, known) for turn in turns)


def recorded_result(text: str) -> JSON:
    """A result as JSON if it is written as an object or an array, else the text that it is."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return text


class _Known:
    """What the model knew without the results that it has not read in this turn."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._names: set[str] = set()

    def add(self, value: JSON) -> None:
        self._seen.add_leaves(value)
        self._names |= _names_in(value)

    def unread(self, value: JSON, results: _Results) -> str | None:
        """The earliest result that must have been read to write a value that is not known."""
        if found_whole(value, results.leaves):
            return None
        if _plain(value) and (name := found_in_part(value, results.short, self._seen)):
            return name
        names = _names_in(value) - self._names
        return next((name for name, others in results.names.items() if names & others), None)

    def knows(self, value: JSON) -> bool:
        return self._seen.knows(value)


class _Results:
    """The results of earlier messages of the turn that were not read yet, by the ids of their calls."""

    def __init__(self) -> None:
        self.leaves: dict[str, list[JSON]] = {}
        self.short: dict[str, list[JSON]] = {}
        self.names: dict[str, set[str]] = {}

    def add(self, call: RecordedCall) -> None:
        self.leaves[call.id] = [leaf for _, leaf in leaves(call.result)]
        self.short[call.id] = [leaf for leaf in self.leaves[call.id] if _plain(leaf)]
        self.names[call.id] = _names_in(call.result)

    def pop(self, name: str) -> list[JSON]:
        del self.short[name], self.names[name]
        return self.leaves.pop(name)


def _turn(turn: RecordedTurn, known: _Known) -> RecordedTurn:
    known.add(turn.prompt)
    results = _Results()
    complete = True  # all results before this step are recorded
    steps: list[RecordedStep] = []
    for step in turn.steps:
        calls = tuple(_traced(call, known, results) if complete else call for call in step.calls)
        for call in calls:
            results.add(call)
        complete = complete and all(_has_result(call) for call in calls)
        steps.append(replace(step, calls=calls))
    for name in list(results.leaves):
        known.add(results.pop(name))
    return replace(turn, steps=tuple(steps))


def _has_result(call: RecordedCall) -> bool:
    return call.result is not None or call.result_chars == 0


def _traced(call: RecordedCall, known: _Known, results: _Results) -> RecordedCall:
    if call.args is None:
        return call
    order = list(results.leaves)
    values = [value for _, value in leaves(dict(call.args))]
    new = [value for value in values if tells(value) and not known.knows(value)]
    reads = {name for value in new if (name := known.unread(value, results)) is not None}
    for name in reads:
        known.add(results.pop(name))
    deps: set[str] = set()
    written: list[JSON] = []
    for value in values:
        found = None if not tells(value) or known.knows(value) else found_whole(value, results.leaves)
        if found is None:
            written.append(value)
        else:
            deps.add(found[0])
    known.add(written)  # not what was passed on: a model with futures would not have written it
    return replace(
        call,
        deps=tuple(name for name in order if name in deps),
        reads=tuple(name for name in order if name in reads),
    )


def _plain(value: JSON) -> bool:
    return not isinstance(value, str) or (len(value) <= SHORT and "\n" not in value)


def _names_in(value: JSON) -> set[str]:
    return set().union(*(_names(leaf) for _, leaf in leaves(value) if isinstance(leaf, str)))


def _names(text: str) -> set[str]:
    """The names in a text, and of a path the names in it."""
    words = set(_NAME.findall(text))
    words |= {part for word in words if "/" in word for part in word.split("/")}
    return {word for word in words if _SPECIAL.search(word)}
