"""Workload v1: agent sessions as they were recorded, one JSON object a line, whatever tool recorded them.

A session is turns; a turn is what a user waited for: steps; a step is one request to a model and its message, with the
calls in it. What a source does not say is null and is made up by nobody here. A number may be measured, derived from
what was measured, or sampled from a distribution, and the session says which, by field.

Session
    schema       "asyncfc.workload/1"
    session      its name, best unique in the file
    source       the format and the file that it comes from
    arrival_s    when its first request was made, in seconds since the start of the file's records
    parent       the session that started this one as a sub-agent
    turns        [turn, ...]
    provenance   {field: "measured" | "derived" | "sampled"}, a field being named `arrival_s`, `turn.user_gap_s`,
                 `step.llm_s`, `call.exec_s`, ...: one entry for each field of MARKED that is not null everywhere
Turn
    user_gap_s   seconds between the answer before and this message of the user
    prompt       its text
    steps        [step, ...]
Step
    model            as the source calls it
    prompt_tokens    of the whole prompt, those in the prefix cache included
    cached_tokens    of those, in the prefix cache
    out_tokens       all that was decoded: reasoning, text, calls
    text_chars       the length of its text; calls, and reasoning that is not shown, have none
    ttft_s           from the request to the first token
    llm_s            from the request to the end of the message
    calls            [call, ...] in the order of their emission
Call
    id             unique in the session
    tool           its name
    kind           what kind of work it does, for models of durations (models/tools/kinds.toml)
    args           its arguments, an object
    emit_tok       output tokens of the step up to the end of the call
    emit_s         from the request to the end of the call in the stream
    exec_s         how long the tool ran
    result         its result (a text or JSON), where content was recorded
    result_chars   the length of its result as text
    deps           ids of earlier calls of the session whose results stand in `args`, passed on as they were
    reads          ids of earlier calls of the session whose results the model must have read to write this call
    effect         "read" or "write"
    error          whether the tool failed
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

from asyncfc_sim.core.values import JSON

SCHEMA: Final = "asyncfc.workload/1"

Provenance = Literal["measured", "derived", "sampled"]
Effect = Literal["read", "write"]

DEEPEST: Final = 64  # levels of lists and objects in arguments and results, as in the wire form of calls
LARGEST: Final = 1e12  # seconds, tokens, characters: more is a mistake of units
LEAST_CHARS_PER_TOKEN: Final = 1.0  # a message of fewer characters has tokens that are not shown


class SessionError(ValueError):
    """A session that contradicts itself: which, where in it, and what was expected."""


def written_chars(tool: str, arguments: str) -> int:
    """Characters of a call as a model writes it, in JSON, with its arguments in JSON."""
    return len(f'{{"name": "{tool}", "arguments": {arguments}}}')


def shown(chars: int, tokens: int | None) -> int | None:
    """Characters of a message of so many tokens; None if there are none, or most of what was decoded is not shown."""
    return chars if chars > 0 and chars >= LEAST_CHARS_PER_TOKEN * (tokens or 0) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call of a tool. Fields as described at the top of this file."""

    id: str
    tool: str
    kind: str | None = None
    args: Mapping[str, JSON] | None = None
    emit_tok: int | None = None
    emit_s: float | None = None
    exec_s: float | None = None
    result: JSON = None
    result_chars: int | None = None
    deps: tuple[str, ...] | None = None
    reads: tuple[str, ...] | None = None
    effect: Effect | None = None
    error: bool = False

    @property
    def chars(self) -> int | None:
        """Characters of the call as a model writes it, in JSON; None if its arguments are not known."""
        if self.args is None:
            return None
        return written_chars(self.tool, json.dumps(dict(self.args), ensure_ascii=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStep:
    """One request to a model and its message."""

    model: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    out_tokens: int | None = None
    text_chars: int | None = None
    ttft_s: float | None = None
    llm_s: float | None = None
    calls: tuple[RecordedCall, ...] = ()

    @property
    def chars(self) -> int | None:
        """Characters of all that was written, calls in JSON; None where that is not known, or most of what was decoded
        is not shown."""
        calls = [call.chars for call in self.calls]
        if self.text_chars is None or None in calls:
            return None
        return shown(self.text_chars + sum(filter(None, calls)), self.out_tokens)

    @property
    def chars_per_token(self) -> float | None:
        """What a token of this message is in characters, if it is known."""
        return self.chars / self.out_tokens if self.chars and self.out_tokens else None

    @property
    def text_share(self) -> float | None:
        """The share of this message that is text, not calls, by its length, if that is known."""
        return self.text_chars / self.chars if self.chars and self.text_chars is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """What a user waited for at a stretch."""

    user_gap_s: float | None = None
    prompt: str | None = None
    steps: tuple[RecordedStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """One session of an agent."""

    session: str
    source: str
    arrival_s: float | None = None
    parent: str | None = None
    turns: tuple[RecordedTurn, ...] = ()
    provenance: Mapping[str, Provenance] = field(default_factory=dict)

    def steps(self) -> Iterator[RecordedStep]:
        """All steps, turn after turn."""
        for turn in self.turns:
            yield from turn.steps

    def calls(self) -> Iterator[RecordedCall]:
        """All calls, in the order of their emission."""
        for step in self.steps():
            yield from step.calls


# The fields that are marked with where they come from; the others are words and names of the source itself.
MARKED: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("arrival_s",),
    "turn.": ("user_gap_s",),
    "step.": ("prompt_tokens", "cached_tokens", "out_tokens", "text_chars", "ttft_s", "llm_s"),
    "call.": ("kind", "emit_tok", "emit_s", "exec_s", "result_chars", "deps", "reads", "effect"),
}


def marked_fields(session: RecordedSession) -> set[str]:
    """The fields of MARKED that are not null everywhere in `session`: those that need a provenance."""
    parts: dict[str, Iterable[Any]] = {
        "": (session,),
        "turn.": session.turns,
        "step.": tuple(session.steps()),
        "call.": tuple(session.calls()),
    }
    return {
        prefix + name
        for prefix, names in MARKED.items()
        for name in names
        if any(getattr(part, name) is not None for part in parts[prefix])
    }


def check_session(session: RecordedSession) -> RecordedSession:
    """`session` itself, if nothing in it is impossible. Raises SessionError saying what is wrong, and where."""
    try:
        _check_provenance(session)
        seen: set[str] = set()
        for number, turn in enumerate(session.turns, 1):
            _check_numbers(turn, MARKED["turn."], f"turn {number}")
            for place, step in enumerate(turn.steps, 1):
                _check_step(step, f"turn {number}, step {place}", seen)
        _check_numbers(session, ("arrival_s",), "the session")
        if not any(session.steps()):
            raise SessionError("it has no step: expected at least one request to a model")
    except SessionError as error:
        raise SessionError(f"session {session.session!r}: {error}") from None
    return session


def _check_provenance(session: RecordedSession) -> None:
    known = {prefix + name for prefix, names in MARKED.items() for name in names}
    for name, value in session.provenance.items():
        if name not in known:
            raise SessionError(f"provenance names {name!r}; the fields that are marked: {', '.join(sorted(known))}")
        if value not in get_args(Provenance):
            raise SessionError(f"provenance of {name} is {value!r}; expected {', '.join(get_args(Provenance))}")
    if missing := sorted(marked_fields(session) - session.provenance.keys()):
        raise SessionError(f"provenance does not say where {', '.join(missing)} came from")


def _check_step(step: RecordedStep, place: str, seen: set[str]) -> None:
    _check_numbers(step, MARKED["step."], place)
    if step.ttft_s is not None and step.llm_s is not None and step.ttft_s > step.llm_s:
        raise SessionError(f"{place}: ttft_s {step.ttft_s} is later than the end of the message, llm_s {step.llm_s}")
    if (step.cached_tokens or 0) > (step.prompt_tokens if step.prompt_tokens is not None else float("inf")):
        raise SessionError(f"{place}: {step.cached_tokens} cached tokens of a prompt of {step.prompt_tokens}")
    for call in step.calls:
        where = f"{place}, call {call.id!r}"
        if max(_depth(dict(call.args or {})), _depth(call.result)) > DEEPEST:
            raise SessionError(f"{where}: its arguments or its result are nested more than {DEEPEST} deep")
        _check_numbers(call, ("emit_tok", "emit_s", "exec_s", "result_chars"), where)
        if call.effect not in (None, *get_args(Effect)):
            raise SessionError(f"{where}: effect is {call.effect!r}; expected {', '.join(get_args(Effect))} or null")
        for name in ("deps", "reads"):
            for dep in getattr(call, name) or ():
                if dep not in seen:
                    raise SessionError(
                        f"{where}: {name} names {dep!r}, which is no earlier call: a call can only need what was "
                        "issued before it (so there are no cycles)"
                    )
        if call.id in seen:
            raise SessionError(f"{where}: a second call of that id")
        seen.add(call.id)


def _check_numbers(part: object, names: Iterable[str], place: str) -> None:
    for name in names:
        value = getattr(part, name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if not value >= 0:  # written so that NaN is refused too
            raise SessionError(f"{place}: {name} is {value}; expected a number that is not negative")
        if value > LARGEST:
            raise SessionError(f"{place}: {name} is {value:.3g}; expected at most {LARGEST:.0e}: are the units right?")


def _depth(value: object) -> int:
    """How deep lists and objects are nested, as far as it matters."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        depth += 1
    return depth


# ------------------------------------------------------------------------------------------------ to and from JSON

_PARTS: Final[Mapping[str, type]] = {"turns": RecordedTurn, "steps": RecordedStep, "calls": RecordedCall}
_NUMBERS: Final = {"user_gap_s", "arrival_s", "ttft_s", "llm_s", "emit_s", "exec_s"}
_COUNTS: Final = {"prompt_tokens", "cached_tokens", "out_tokens", "text_chars", "emit_tok", "result_chars"}
_TEXTS: Final = {"session", "source", "parent", "prompt", "model", "id", "tool", "kind", "effect"}


def session_line(session: RecordedSession) -> str:
    """The line of a workload file; what is null is left out."""
    return json.dumps({"schema": SCHEMA, **_to_json(session)}, ensure_ascii=False, allow_nan=False)


def _to_json(part: Any) -> dict[str, JSON]:
    written: dict[str, JSON] = {}
    for item in fields(part):
        value = getattr(part, item.name)
        if value is None or (item.name == "error" and value is False):
            continue
        if item.name in _PARTS:
            value = [_to_json(each) for each in value]
        elif isinstance(value, tuple):
            value = list(value)
        written[item.name] = dict(value) if isinstance(value, Mapping) else value
    return written


def parse_session(record: Mapping[str, Any]) -> RecordedSession:
    """The session of one line, checked. Raises SessionError."""
    record = dict(record)
    if (schema := record.pop("schema", None)) != SCHEMA:
        raise SessionError(f"schema is {schema!r}; this version reads {SCHEMA!r}")
    return check_session(_from_json(RecordedSession, record, "the session"))


def _from_json(kind: type, record: object, place: str) -> Any:
    if not isinstance(record, Mapping):
        raise SessionError(f"{place}: expected an object")
    known = {item.name for item in fields(kind)}
    if unknown := sorted(record.keys() - known):
        raise SessionError(f"{place}: unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for name, value in record.items():
        if name in _PARTS:
            if not isinstance(value, list):
                raise SessionError(f"{place}: {name} must be a list")
            word = name.removesuffix("s")
            values[name] = tuple(
                _from_json(_PARTS[name], each, f"{place}, {word} {n}") for n, each in enumerate(value, 1)
            )
        else:
            values[name] = tuple(value) if name in ("deps", "reads") and isinstance(value, list) else value
            _check_type(name, values[name], place)
    try:
        return kind(**values)
    except TypeError:
        needed = [item for item in ("session", "source", "id", "tool") if item in known and item not in values]
        raise SessionError(f"{place}: {', '.join(needed)} must be given") from None


def _check_type(name: str, value: object, place: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match name:
        case _ if value is None and name not in ("session", "source", "id", "tool"):
            return
        case _ if name in _NUMBERS:
            ok, expected = number, "a number"
        case _ if name in _COUNTS:
            ok, expected = number and isinstance(value, int), "a whole number"
        case _ if name in _TEXTS:
            ok, expected = isinstance(value, str), "a text"
        case "deps" | "reads":
            ok = isinstance(value, tuple) and all(isinstance(each, str) for each in value)
            expected = "a list of ids of calls"
        case "args" | "provenance":
            ok, expected = isinstance(value, Mapping), "an object"
        case "error":
            ok, expected = isinstance(value, bool), "true or false"
        case _:
            return
    if not ok:
        raise SessionError(f"{place}: {name} is {value!r:.60}; expected {expected}")
