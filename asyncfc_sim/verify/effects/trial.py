"""A trial: two calls, and how to come to the state they are made in. Plain data, so that it can be shrunk and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asyncfc_sim.core.values import JSON, canonical


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool with JSON arguments."""

    tool: str
    args: Mapping[str, JSON]

    def __str__(self) -> str:
        return f"{self.tool}({', '.join(f'{name}={value!r}' for name, value in self.args.items())})"

    @property
    def key(self) -> tuple[str, str]:
        return self.tool, canonical(dict(self.args))


@dataclass(frozen=True, slots=True)
class Trial:
    """From a starting state, run `prefix`; then `first` and `second` are compared in both orders.

    `probe` is a call made afterwards, to see whether a difference that equality leaves aside can be noticed. `switches`
    says how the two are interleaved: after so many steps of the one under way, the other goes on; `second_begins`
    which is under way first.
    """

    prefix: tuple[Call, ...]
    first: Call
    second: Call
    start: int = 0
    probe: Call | None = None
    switches: tuple[int, ...] = ()
    second_begins: bool = False

    def __str__(self) -> str:
        return "; ".join(map(str, (*self.prefix, self.first, self.second, *([self.probe] if self.probe else []))))

    def reversed(self) -> Trial:
        return replace(self, first=self.second, second=self.first)

    def atomic(self) -> Trial:
        return replace(self, switches=(), second_begins=False)
