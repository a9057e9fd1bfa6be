"""What a model does that futures do not gain from: counted, and after too much of it answered without them.

`counts`, over the whole conversation:

awaits_at_once      messages that only await what the message before them issued
shared_duplicates   calls identical to one still pending, which were given its future
refused_duplicates  calls identical to one still pending, which were refused
bad_references      calls, awaits and cancels that name no earlier future, or a part that no result of its tool has
suspect_values      numbers that look made up, written while there are results not looked at (see suspects.py)

There are two remedies, each with a limit per turn of the user in the policy. `max_awaits`: the tools whose calls a
model awaits at once are waited for from then on. `max_misuses`, of all kinds together: for the rest of the turn every
call is answered in place, as if the grace were infinite. Futures that were promised before stay promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from .policy import Policy
from .references import Template
from .suspects import Suspects

Misuse = Literal["awaits_at_once", "shared_duplicates", "refused_duplicates", "bad_references", "suspect_values"]
MISUSES: Final[tuple[Misuse, ...]] = get_args(Misuse)


class Guards:
    """`tripped` says why the calls of this turn are answered in place by now, if they are; `notes` keeps it."""

    def __init__(self, policy: Policy, instructions: str = "") -> None:
        self.counts: dict[str, int] = dict.fromkeys(MISUSES, 0)
        self.tripped: str | None = None
        self.notes: list[str] = []
        self.slow_tools: set[str] = set()  # the model awaits these at once: no placeholder is worth it
        self._policy = policy
        self._turn = 0
        self._before = dict(self.counts)  # this turn
        self._suspects = Suspects()
        self._suspects.read(instructions)

    def begin_turn(self) -> None:
        self._turn += 1
        self.tripped, self._before = None, dict(self.counts)

    def count(self, misuse: Misuse, times: int = 1) -> None:
        """The model did this; `times` may be 0."""
        self.counts[misuse] += times
        here = self._in_turn()
        limit = self._policy.max_misuses
        if limit is None or self.tripped or not self._policy.futures or sum(here.values()) <= limit:
            return
        seen = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in here.items() if count)
        self.tripped = f"more than {limit} misuses of futures in a turn ({seen})"
        self.notes.append(f"turn {self._turn}: calls were answered in place after {self.tripped}")

    def awaited_at_once(self, tools: Iterable[str]) -> None:
        """The model did nothing but await calls of these tools, which it had just issued."""
        self.count("awaits_at_once")
        limit = self._policy.max_awaits
        if limit is not None and self._in_turn()["awaits_at_once"] > limit:
            self.slow_tools.update(tools)

    def wrote(self, written: Template, transcript: Sequence[Mapping[str, Any]]) -> None:
        """The model writes arguments, or an answer, and there are results that it has not looked at."""
        self.count("suspect_values", self._suspects.among(written, transcript))

    def _in_turn(self) -> dict[str, int]:
        return {name: count - self._before[name] for name, count in self.counts.items()}
