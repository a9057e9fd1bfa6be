"""What the core knows of a tool: its name, its declared effects, its limits. Not how to run it, not its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .footprint import EVERYTHING, Declaration, Footprint
from .references import Path
from .values import JSON, ErrorValue

# From bound arguments to the arguments the tool is given (coerced, say), or to the reason why they are refused.
# What the call touches may not move by it out of what was known before: such a call is refused (arguments.py).
Validate = Callable[[Mapping[str, JSON]], Mapping[str, JSON] | ErrorValue]

# From a path to the reason why no result of the tool can have it; None if one may.
Lacks = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the scheduler sees it.

    `effects=None` means undeclared: every call reads and writes everything. `irreversible` calls start only after
    every earlier call has succeeded. `idempotent` calls may be retried and
    shared. `commutes_with` names tools whose calls may run in either order, though one at a time, where they
    conflict. `concurrency` caps the calls of this tool under way at once; `timeout_s` counts from a call's start.
    `approval` asks a person, who is shown the bound arguments, before the call runs. `lacks` knows the type of the
    results: a call that refers to a part which none of them has is refused as it is issued.
    """

    name: str
    effects: Declaration | None = None
    irreversible: bool = False
    idempotent: bool = False
    commutes_with: frozenset[str] = frozenset()
    concurrency: int | None = None
    timeout_s: float | None = None
    approval: bool = False
    validate: Validate | None = None
    lacks: Lacks | None = None

    def footprint(self, args: Mapping[str, object]) -> Footprint:
        """The footprint of a call with `args`, `UNKNOWN` where they wait for a future.

        Raises BadFootprint if the declaration does not hold for these arguments.
        """
        return EVERYTHING if self.effects is None else self.effects.footprint(args)

    def may_act(self, footprint: Footprint) -> bool:
        """Whether a call of this footprint may have an effect, so that giving it up leaves it in doubt."""
        return self.irreversible or bool(footprint.writes)


def pure(name: str) -> Tool:
    """A tool that neither reads nor writes anything."""
    return Tool(name, effects=Declaration())


def commuting(tools: Mapping[str, Tool]) -> dict[str, frozenset[str]]:
    """Which tools commute with which; said by either side, it holds for both."""
    partners: dict[str, set[str]] = {}
    for name, tool in tools.items():
        for other in tool.commutes_with:
            partners.setdefault(name, set()).add(other)
            partners.setdefault(other, set()).add(name)
    return {name: frozenset(others) for name, others in partners.items()}
