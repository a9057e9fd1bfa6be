"""Request traces of Mooncake: arrivals and lengths, no answers' times, no tools. Each request is a session.

    {"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1, 2, ...]}

`timestamp` is milliseconds since the start of the trace. The hashes of blocks of the prompt are not read: they say what
a cache without end could have held, not what was in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from asyncfc_sim.traces.sessions import Provenance, RecordedSession, RecordedStep, RecordedTurn

from .records import count, each, number, origin
from .source import Source

PROVENANCE: Final[dict[str, Provenance]] = {
    "arrival_s": "measured",
    "step.prompt_tokens": "measured",
    "step.out_tokens": "measured",
}


def looks_like(source: Source) -> bool:
    return {"timestamp", "input_length", "output_length"} <= source.first.keys()


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    name = origin(source, "mooncake")

    def sessions(item: tuple[int, dict[str, Any]]) -> Iterator[RecordedSession]:
        line, record = item
        step = RecordedStep(prompt_tokens=count(record, "input_length"), out_tokens=count(record, "output_length"))
        yield RecordedSession(
            session=f"{source.stem}-{line}",
            source=name,
            arrival_s=number(record, "timestamp") / 1000,
            turns=(RecordedTurn(steps=(step,)),),
            provenance=PROVENANCE,
        )

    return each(source, ((line, (line, record)) for line, record in source.records()), sessions)
