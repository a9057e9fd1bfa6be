"""Labels for tools, proposed: what a developer said, what a name suggests, and what was observed, with how sure it is.

Observation watches calls from random reachable states. A place counts if some tool writes it: what nobody changes is
no resource. An access that was never seen in n calls that succeeded may still happen: by the rule of three, with 95 %
confidence, in fewer than 3/n of such calls.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from asyncfc_sim.core.footprint import Pattern, parse_pattern
from asyncfc_sim.core.values import ErrorValue

from .access import Location, key_of, store_of
from .declared import Declared
from .explain import declaration
from .monitor import Watched, watch_here
from .reaching import Trials
from .subject import CannotCheck, Subject
from .vocabulary import Vocabulary

CALLS: Final = 100
Origin = Literal["developer", "observed", "rule", "nothing"]

# Names of tools, as far as they say what calls do. Only used where nothing better is known, and to be confirmed.
_READING: Final = re.compile(
    r"(get|list|read|find|search|show|lookup|look_up|count|is|has|check|describe|fetch|view|query|compute|calculate|"
    r"convert|estimate)(_|$)"
)
_BEYOND_RECALL: Final = re.compile(r"(send|pay|charge|email|mail|sms|publish|transfer|refund|purchase|notify)(_|$)")


@dataclass(frozen=True, slots=True)
class Observed:
    """How much was seen of a tool: calls, those that succeeded, the ways to their states, the keys they touched."""

    calls: int
    succeeded: int
    states: int
    keys: int

    @property
    def unseen(self) -> float:
        """With 95 % confidence, the largest share of calls that do something not seen here; failures show little."""
        return min(1.0, 3 / self.succeeded) if self.succeeded else 1.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to declare for one tool. `reads` and `writes` are what was observed, or, by a rule, presumed."""

    tool: str
    declared: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    origin: Origin
    observed: Observed
    remarks: tuple[str, ...] = ()

    @property
    def decorator(self) -> str:
        """As it stands in the file: `@tool(reads=["file:{path}"])`."""
        parts = [
            f"{kind}=[{', '.join(_quoted(keys))}]"
            for kind, keys in (("reads", self.reads), ("writes", self.writes))
            if keys
        ]
        return f"@tool({', '.join(parts) or 'reads=[]'})"


def suggest(
    subject: Subject, *, calls: int = CALLS, seed: int = 0, advance: Callable[[], None] = lambda: None
) -> list[Suggestion]:
    """Watch so many calls of each tool, and propose labels."""
    declared = Declared(subject.tools)
    source = Trials(subject, declared, np.random.default_rng(seed))
    watched: dict[str, list[Watched]] = {name: [] for name in subject.tools}
    for _ in range(calls):
        for name in subject.tools:
            advance()
            if name in source.refused:
                continue
            try:
                watched[name].append(watch_here(subject, declared, source.draw((name, name))))
            except CannotCheck as why:
                if why.tool is None:
                    raise
                source.refuse(why.tool, why.why)
    everything = [each for calls_of in watched.values() for each in calls_of]
    vocabulary = Vocabulary(everything)
    return [
        _suggestion(subject, name, calls_of, vocabulary, source.refused.get(name)) for name, calls_of in watched.items()
    ]


def _suggestion(
    subject: Subject,
    tool: str,
    calls: Sequence[Watched],
    vocabulary: Vocabulary,
    refused: str | None,
) -> Suggestion:
    reads, writes, keys = _labels(tool, calls, vocabulary)
    succeeded = sum(not isinstance(each.value, ErrorValue) for each in calls)
    states = len({tuple(before.key for before in each.trial.prefix) for each in calls})
    observed = Observed(len(calls), succeeded, states, keys)
    said = declaration(subject, tool)
    remarks = [] if refused is None else [refused]
    if _BEYOND_RECALL.match(tool) and not subject.tools[tool].irreversible:
        remarks.append("its name says that it cannot be undone: irreversible=True?")
    if succeeded == 0 or refused is not None:
        if _READING.match(tool):
            remarks.append("its name says that it only reads; nobody has seen it do so")
            return Suggestion(tool, said, ("*",), (), "rule", observed, tuple(remarks))
        return Suggestion(tool, said, (), ("*",), "nothing", observed, tuple(remarks))
    if writes and _READING.match(tool):
        remarks.append("its name says that it only reads, and it does not")
    effects = subject.tools[tool].effects
    if effects is None:
        return Suggestion(tool, said, reads, writes, "observed", observed, tuple(remarks))
    missing = _missing(effects.reads, effects.writes, reads, writes)
    if missing:
        remarks.append(f"not declared: {', '.join(missing)}; asyncfc check shows whether it matters")
        return Suggestion(tool, said, reads, writes, "observed", observed, tuple(remarks))
    return Suggestion(
        tool, said, _templates(effects.reads, reads), _templates(effects.writes, writes), "developer", observed,
        tuple(remarks),
    )  # fmt: skip


def _labels(
    tool: str, calls: Sequence[Watched], vocabulary: Vocabulary
) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """What the calls of a tool read and write, as templates, and how many keys they touched."""
    templates: dict[bool, dict[str, None]] = {False: {}, True: {}}
    keys: set[Pattern] = set()
    items: dict[Location, bool] = defaultdict(bool)
    for watched in calls:
        for access in watched.accesses:
            if access.kind == "add" or not vocabulary.matters(access):
                continue
            keys.add(vocabulary.key(access.where))
            place = access.where if key_of(access.where) is not None else store_of(access.where)
            items[place] |= access.writes
    for place, writes in items.items():
        templates[writes][vocabulary.template(tool, place)[0]] = None
    writing = _widest(templates[True])
    reading = [text for text in _widest(templates[False]) if not _covered(text, writing)]
    return tuple(reading), tuple(writing), len(keys)


def _widest(templates: Mapping[str, None]) -> list[str]:
    return sorted(text for text in templates if not _covered(text, [other for other in templates if other != text]))


def _covered(template: str, others: Sequence[str]) -> bool:
    """Whether some other template covers this one, whatever the arguments are."""
    return any(_pattern(other).covers(_pattern(template)) for other in others)


def _pattern(template: str) -> Pattern:
    return parse_pattern(re.sub(r"\{(\w+)\}", r"<\1>", template))


def _missing(reads: object, writes: object, seen_reads: Sequence[str], seen_writes: Sequence[str]) -> list[str]:
    """What was observed and is not declared; nothing is said of declarations by a function."""
    if callable(reads) or callable(writes):
        return []
    assert isinstance(reads, tuple)
    assert isinstance(writes, tuple)
    return [
        *(f"reads {text}" for text in seen_reads if not _covered(text, (*reads, *writes))),
        *(f"writes {text}" for text in seen_writes if not _covered(text, writes)),
    ]


def _templates(declared: object, seen: tuple[str, ...]) -> tuple[str, ...]:
    return declared if isinstance(declared, tuple) else seen


def _quoted(keys: Sequence[str]) -> list[str]:
    return [f'"{key}"' for key in keys]
