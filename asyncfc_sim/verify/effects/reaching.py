"""Trials drawn at random: calls that lead to a state, then two calls in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from asyncfc_sim.core.footprint import indep
from asyncfc_sim.core.values import Value

from .arguments import draw, known_values
from .declared import Declared
from .schema import NoValues
from .subject import CannotCheck, Subject
from .trial import Call, Trial

MOST_BEFORE: Final = 8  # calls that lead to the state of a trial
RELATED: Final = 0.5  # how many of them conflict with the two by declaration, and so may matter to them
HINT: Final = 'give arguments that work: a function examples() that returns {"tool": [{"parameter": value, ...}]}'


class Trials:
    """Draws trials. Tools that are `refused`, each for a reason, are not called again."""

    def __init__(self, subject: Subject, declared: Declared, rng: np.random.Generator) -> None:
        self._subject, self._rng = subject, rng
        self.refused: dict[str, str] = {}
        regions = {}
        for name in subject.tools:
            try:
                regions[name] = declared.region(name, subject.pools(name))
            except NoValues as why:
                self.refuse(name, f"it cannot be called: no arguments fit its schema: {why}; {HINT}")
        self._related = {
            name: {other for other, there in regions.items() if not indep(here, there)}
            for name, here in regions.items()
        }

    def refuse(self, tool: str, why: str) -> None:
        self.refused.setdefault(tool, why)

    def draw(self, pair: tuple[str, str]) -> Trial:
        """Two calls of these tools, and a state, in which the subject then is. Raises CannotCheck."""
        rng, subject = self._rng, self._subject
        start = int(rng.integers(subject.starts))
        subject.reset(start)
        tools = [name for name in subject.tools if name not in self.refused]
        related = [name for name in tools if any(name in self._related[tool] for tool in pair)]
        prefix: list[Call] = []
        values: list[Value] = []
        for _ in range(int(rng.integers(MOST_BEFORE + 1))):
            among = related if related and rng.random() < RELATED else tools
            prefix.append(self.call(among[int(rng.integers(len(among)))], values))
            values.append(subject.call(len(prefix), prefix[-1]))
        first, second = (self.call(tool, values) for tool in pair)
        if rng.random() < 0.5:
            first, second = second, first
        return Trial(tuple(prefix), first, second, start)

    def call(self, tool: str, values: Sequence[Value] = ()) -> Call:
        """A call of a tool in the state as it is, given what earlier calls returned. Raises CannotCheck."""
        call = draw(self._subject, tool, known_values(values, self._subject.observe()), self._rng)
        if call is None:
            raise CannotCheck(f"it cannot be called: it accepts none of the arguments tried; {HINT}", tool)
        return call
