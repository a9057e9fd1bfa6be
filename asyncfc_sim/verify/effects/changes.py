"""The writes that two states tell of, one before a call and one after it, whoever made them and however."""

from __future__ import annotations

from collections.abc import Iterator

from .access import KEYS, Access
from .observation import Observation


def changes(before: Observation, after: Observation) -> Iterator[Access]:
    """What is different is written; where something appeared or went, so are the keys of what it is in."""
    for where in before.changed(after):
        yield Access("w", where, below=True)
        if (where in before.content) != (where in after.content):
            yield Access("add", (*where[:-1], KEYS))
