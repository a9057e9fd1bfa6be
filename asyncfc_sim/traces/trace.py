"""Trace v1: what happened in a run, one JSON object a line, the same for every driver.

A file holds one run or several. A run is a header and then its events, in the order in which they happened.

Header
    schema    "asyncfc.trace/1"
    run       the name of the run, best unique in the file
    source    what drove it: "simulate", "live", "reference" (one call at a time, in issue order), "walk" (a schedule
              chosen by a checker)
    clock     "simulated", or "wall" (a monotonic clock, read by the driver)
    policy    the name of the policy; null if there is none
    case      what was run: a workload's case, a program's file, a prompt; null if nameless
    seed      of the run's random choices; null if there were none
    version   of the asyncfc-sim that wrote it
    values    "full", or "preview" if long values were cut to `{"preview": text, "chars": length}`
    inputs    free: decoder, tools profile, grace, delivery, failure, messages, dependence, ...

Event
    t         seconds since the start of the run, never less than in the line before
    rule      one of the rules below; then its fields. Others than those listed may follow; readers keep them.

    issue        future, tool, args, message?   a call became a future. args as the decoder wrote them: references are
                                                strings ("$f1.items[0]", "about ${f1.x}"), `$$` escapes them
    start        future, tool, args, reads, writes   the tool runs, with bound args; its footprint as key patterns.
                                                Written again for each further attempt at a call that failed
    finish       future, value                  the tool returned: resolved
    fail         future, error                  resolved to {kind, message, origin, retryable, effects}. Without a start
                                                before it the tool never ran: poison, barrier, refused, cancelled
    touch        futures                        their values are handed to the decoder, which asked for them; written
                                                when it gets them (it asked when its last message ended)
    deliver      futures                        their values are handed over unasked, at a turn boundary
    cancel       future                         given up on request
    timeout      future                         given up, because it ran for too long
    end          future                         the tool of a call given up has ended: its keys and its slot are free
    cut          future                         strict: this call failed, so what was issued after it never was
    user         turn, text?                    message number `turn` of the user arrived (1, 2, ...)
    request      turn, prompt_tokens?, cached_tokens?   the decoder was asked for message number `turn` of the run
    first_token  turn                           prefill ended
    message      turn, tokens?, prompt_tokens?, cached_tokens?, text_chars?, text?, replayed?   that message is complete
                                                (or was interrupted); text_chars: the length of its text, calls not
                                                counted; replayed: a recording, whose times measure no model. A served
                                                model's tokens are counted by the server, at the end
    placeholder  future                         the transcript answers this call with its future, not with a value
    answer       text?                          the decoder has answered the user
    give_up      reason                         the turn was ended without an answer: a loop guard tripped
    access       future, mode, key              the tool read ("r") or wrote ("w") what this key pattern covers.
                                                Of a call, all accesses are written or none

`issue.message` is the `turn` of the message that carries the call. From `request` to `message` is one decoding
interval, which `first_token` divides into prefill and decode; of its `prompt_tokens`, the whole prompt, `cached_tokens`
came from the prefix cache. A call given up (`cancel`, `timeout`) is resolved there;
a `fail` with the error may follow, and, if its tool was under way, `end` once that has ended: not its `finish` or
`fail`, for its result is dropped. A field marked `?` is left out where it is not known.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TextIO

from asyncfc_sim.core.values import JSON

from .encode import encode_fields, preview
from .files import atomic_write
from .rules import check_event, check_header

SCHEMA: Final = "asyncfc.trace/1"

Source = Literal["simulate", "live", "reference", "walk"]
Clock = Literal["simulated", "wall"]
Values = Literal["full", "preview"]


class TraceError(ValueError):
    """A file or a list of events that is no trace: where, and what was expected."""

    def __init__(self, message: str, path: str | None = None, line: int | None = None) -> None:
        self.message, self.path, self.line = message, path, line
        place = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{place}: {message}" if place else message)


@cache
def package_version() -> str:
    """The version of this package, "unknown" in a checkout that is not installed."""
    try:
        return installed_version("asyncfc-sim")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a run was: see the fields in the description of the format."""

    run: str
    source: Source
    clock: Clock = "simulated"
    policy: str | None = None
    case: str | None = None
    seed: int | None = None
    version: str = field(default_factory=package_version)
    values: Values = "full"
    inputs: Mapping[str, JSON] = field(default_factory=dict)


class Event(NamedTuple):
    """One event: seconds since the start of the run, the rule, its fields.

    A tuple, because a recorder in a hot loop appends plain ones and the same loops read both.
    """

    t: float
    rule: str
    fields: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its header, and its events in order. `lines` are those of the events in the file they were read from."""

    header: Header
    events: tuple[Event, ...] = ()
    lines: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def makespan_s(self) -> float:
        """When the last event happened, calls that outlived the answer included."""
        return self.events[-1].t if self.events else 0.0


def replay_told(run: Run) -> Run:
    """`run`, whose header says so if its messages were replayed ones: that is known only when they have come."""
    if not any(event.rule == "message" and event.fields.get("replayed") for event in run.events):
        return run
    return replace(run, header=replace(run.header, inputs={**run.header.inputs, "replay": True}))


RawEvent = tuple[float, str, Mapping[str, Any]]


class Recorder:
    """Collects the events of one run. `record((t, rule, fields))` is a bound `list.append`: nothing is cheaper.

    Fields may hold what the core hands out (templates, patterns, error values) and are read only in `run`, so
    nobody may change them after they were recorded.
    """

    __slots__ = ("events", "header", "record")

    def __init__(self, header: Header) -> None:
        self.header = header
        self.events: list[RawEvent] = []
        self.record: Callable[[RawEvent], None] = self.events.append

    def run(self) -> Run:
        """All events so far, checked and in JSON form. Raises TraceError for an event that is none."""
        events: list[Event] = []
        last_t = 0.0
        for number, (t, rule, raw) in enumerate(self.events, 1):
            try:
                encoded = encode_fields(rule, raw)
                check_event(t, rule, encoded, last_t)
            except ValueError as error:
                raise TraceError(f"run {self.header.run!r}, event {number}: {error}") from None
            last_t = float(t)
            events.append(Event(last_t, rule, encoded))
        return Run(self.header, tuple(events))


def previewed(run: Run, chars: int) -> Run:
    """`run` with results and bound arguments longer than `chars` cut to a preview; the header says so."""
    events = tuple(_previewed(event, chars) for event in run.events)
    return Run(replace(run.header, values="preview"), events, run.lines)


def _previewed(event: Event, chars: int) -> Event:
    long = {"finish": "value", "start": "args"}.get(event.rule)
    if long is None:
        return event
    return event._replace(fields={**event.fields, long: preview(event.fields[long], chars)})


def write_trace(target: str | os.PathLike[str] | TextIO, runs: Iterable[Run]) -> None:
    """Write runs to a path (whole or not at all; gzip if it ends in `.gz`) or to an open text file.

    Raises TraceError for a value that is not JSON, OSError if the file cannot be written.
    """
    if isinstance(target, str | os.PathLike):
        with atomic_write(target) as out:
            out.writelines(line.encode() + b"\n" for line in _lines(runs))
    else:
        target.writelines(line + "\n" for line in _lines(runs))


def header_to_json(header: Header) -> dict[str, JSON]:
    """A header as it stands in a file, its schema first."""
    return {"schema": SCHEMA, **{item.name: getattr(header, item.name) for item in fields(header)}}


def _lines(runs: Iterable[Run]) -> Iterator[str]:
    for run in runs:
        yield _line(run, header_to_json(run.header))
        for t, rule, event_fields in run.events:
            yield _line(run, {"t": t, "rule": rule, **event_fields})


def _line(run: Run, line: Mapping[str, JSON]) -> str:
    try:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise TraceError(f"run {run.header.run!r}: {line.get('rule', 'header')}: {error}") from None
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: legal in a JSON string, but only escaped
        return json.dumps(line, allow_nan=False, separators=(",", ":"))
    return text


def read_trace(path: str | os.PathLike[str]) -> list[Run]:
    """Read all runs of a file: lines (`.gz` too), or a journal.

    Raises TraceError, naming file and line; OSError if it cannot be opened.
    """
    from .journal import is_journal, read_journal

    name = os.fspath(path)
    if is_journal(path):
        return [run.trace() for run in read_journal(path)]
    with gzip.open(path, "rb") if name.endswith(".gz") else Path(path).open("rb") as lines:
        return parse_trace(lines, name)


def parse_trace(lines: Iterable[bytes], name: str = "<trace>") -> list[Run]:
    """Read all runs from lines; `name` stands for them in errors."""
    runs: list[tuple[Header, list[Event], list[int]]] = []
    last_t = 0.0
    number = 0
    try:
        for line in lines:
            number += 1
            if line.isspace():
                continue
            item = _parse_line(line)
            if "schema" in item:
                runs.append((header_from_json(item), [], []))
                last_t = 0.0
            elif "rule" not in item:
                raise ValueError('expected a header (with "schema") or an event (with "t" and "rule")')
            elif not runs:
                raise ValueError(f'an event before any header; expected {{"schema": "{SCHEMA}", ...}}')
            else:
                t, rule = item.pop("t", None), item.pop("rule")
                check_event(t, rule, item, last_t)
                last_t = float(t)
                runs[-1][1].append(Event(last_t, rule, item))
                runs[-1][2].append(number)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TraceError(f"broken gzip data: {error}", name, number + 1) from None
    except ValueError as error:
        raise TraceError(str(error), name, number) from None
    if not runs:
        raise TraceError(f'no run in it; expected a header {{"schema": "{SCHEMA}", ...}}', name)
    return [Run(header, tuple(events), tuple(places)) for header, events, places in runs]


def _parse_line(line: bytes) -> dict[str, Any]:
    try:
        item = json.loads(line, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON, column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8, byte {error.start + 1} of the line") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(item, dict):
        raise ValueError("expected a JSON object")
    return item


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def header_from_json(item: dict[str, Any]) -> Header:
    """The header that `header_to_json` writes as `item`. Raises ValueError, saying what was expected."""
    schema = item.pop("schema")
    if schema != SCHEMA:
        raise ValueError(f"schema is {schema!r}; this version reads {SCHEMA!r}")
    check_header(item)
    return Header(**item)
