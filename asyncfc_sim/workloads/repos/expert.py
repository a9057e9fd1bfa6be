"""An expert: what a model that makes no mistake writes about a repository, message by message.

With futures it writes all that it can without seeing more, and ends the message by awaiting what the next one must
see; that an edit has its effect before the tests run is the executor's business. Without futures it does as careful
agents do today: a message holds what does not depend on one another, and the next is begun when all of it is done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .repository import Repository, Step


@dataclass(frozen=True, slots=True)
class Message:
    """The calls of a message, and the numbers of the calls that it awaits; an answer has a text, and no calls."""

    steps: tuple[Step, ...] = ()
    awaits: tuple[int, ...] = ()
    text: str | None = None


def messages(repository: Repository, *, futures: bool) -> list[Message]:
    """All that the expert says, the answer last. Calls are numbered in the order of the repository's steps."""
    numbers = {step.name: number for number, step in enumerate(repository.steps, 1)}
    written: list[Message] = []
    begun: list[str] = []
    seen: set[str] = set()
    while left := repository.steps[len(begun) :]:
        steps = _writable(left, seen, futures=futures)
        begun += [step.name for step in steps]
        looked_at = _to_see(left[len(steps) :], begun) if futures else begun
        awaited = sorted(numbers[name] for name in looked_at if name not in seen)
        seen.update(looked_at)
        written.append(Message(steps, tuple(awaited) if futures else ()))
    return [*written, Message(text=repository.answer)]


def _writable(left: Sequence[Step], seen: Collection[str], *, futures: bool) -> tuple[Step, ...]:
    """The steps that can stand in one message, in order. Raises ValueError if there is none: the steps are wrong."""
    steps: list[Step] = []
    for step in left:
        here = {other.name for other in steps}
        if not set(step.sees) <= set(seen) or (not futures and not here.isdisjoint(step.follows)):
            break
        steps.append(step)
    if not steps:
        raise ValueError(f"the step {left[0].name!r} sees {', '.join(left[0].sees)}: expected earlier steps")
    return tuple(steps)


def _to_see(left: Sequence[Step], begun: Sequence[str]) -> list[str]:
    """What must be seen for the next message, as far as it is under way; before the answer, everything."""
    if not left:
        return list(begun)
    names: dict[str, None] = {}
    for step in left:
        if not set(step.sees) <= set(begun):
            break
        names |= dict.fromkeys(step.sees)
    return list(names)
