"""Azure LLM inference traces: a CSV of arrivals and lengths, no answers' times, no tools. Each request is a session.

    TIMESTAMP,ContextTokens,GeneratedTokens
    2023-11-16 18:17:03.9799600,4808,10

Other columns are not read. Times are read to the microsecond, with a zone (the release of 2024) or without.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import Final

from asyncfc_sim.traces.sessions import Provenance, RecordedSession, RecordedStep, RecordedTurn

from .records import FieldFault, each, origin
from .source import ImportFault, Source
from .times import Clock, elapsed

COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")

PROVENANCE: Final[dict[str, Provenance]] = {
    "arrival_s": "measured",
    "step.prompt_tokens": "measured",
    "step.out_tokens": "measured",
}


def looks_like(source: Source) -> bool:
    # One column of it is enough to be told which others are missing.
    try:
        return bool(set(COLUMNS) & set(_header(source)))
    except FieldFault:
        return False


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    header = _header(source)
    if missing := [column for column in COLUMNS if column not in header]:
        raise ImportFault(
            f"{source.name}:1: no column {', '.join(missing)}; an Azure LLM inference trace has {', '.join(COLUMNS)}"
        )
    places = [header.index(column) for column in COLUMNS]
    name = origin(source, "azure")
    clock = Clock()
    start_s: float | None = None

    def session(item: tuple[int, str]) -> Iterator[RecordedSession]:
        nonlocal start_s
        line, text = item
        row = _row(text)
        if len(row) != len(header):
            raise FieldFault(f"{len(row)} fields; expected {len(header)}, as in the header")
        stamp, prompt, out = (row[place] for place in places)
        at_s = clock.seconds(stamp, line)
        start_s = at_s if start_s is None else start_s
        step = RecordedStep(prompt_tokens=_count(prompt, COLUMNS[1]), out_tokens=_count(out, COLUMNS[2]))
        yield RecordedSession(
            session=f"{source.stem}-{line}",
            source=name,
            arrival_s=elapsed(start_s, at_s, "the time since the first request"),
            turns=(RecordedTurn(steps=(step,)),),
            provenance=PROVENANCE,
        )

    return each(source, ((line, (line, text)) for line, text in islice(source.lines(), 1, None)), session)


def _header(source: Source) -> list[str]:
    return _row(next((text for _, text in source.lines()), ""))


def _row(text: str) -> list[str]:
    try:
        return next(csv.reader([text]))
    except csv.Error as error:
        raise FieldFault(f"no row of a CSV: {error}") from None


def _count(value: str, name: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise FieldFault(f"{name} is {value!r:.60}; expected a whole number that is not negative")
    return int(value)
