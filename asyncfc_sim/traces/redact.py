"""Secrets taken out of what is written down: keys and passwords that turn up in arguments, results or messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from asyncfc_sim.core.values import JSON

from .trace import Run

REDACTED: Final = "[redacted]"
SHORTEST: Final = 8  # what is shorter may turn up by chance, and would tear holes into everything


def redacting(secrets: Iterable[str]) -> Callable[[JSON], JSON]:
    """A function that gives a JSON value back with each of the secrets replaced, in names of objects too.

    Secrets shorter than eight characters are ignored. One that was encoded or cut in two is not recognised.
    """
    known = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
    if not known:
        return lambda value: value
    found = re.compile("|".join(map(re.escape, known)))

    def redact(value: JSON) -> JSON:
        match value:
            case str():
                return found.sub(REDACTED, value)
            case list():
                return [redact(item) for item in value]
            case dict():
                return {redact(name): redact(item) for name, item in value.items()}
            case _:
                return value

    return redact


def redacted(run: Run, secrets: Iterable[str]) -> Run:
    """`run` without the secrets, its header included."""
    redact = redacting(secrets)
    header = replace(run.header, case=redact(run.header.case), inputs=redact(dict(run.header.inputs)))
    events = tuple(event._replace(fields=redact(dict(event.fields))) for event in run.events)
    return Run(header, events, run.lines)
