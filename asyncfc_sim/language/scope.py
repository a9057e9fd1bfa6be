"""Which futures a statement may name: those that every path to it has issued.

After an `if`, these are the futures from before it and those that both of its sides issued (a side that ends in
`return` is on no path that goes on, so the other side alone decides). A number may be used on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Side:
    """One side of an `if`, from its start on: the futures it issued, by line, and where it got to."""

    issued: dict[int, int] = field(default_factory=dict)
    last: int = 0
    ended: str | None = None


class Scope:
    """The futures known at one point of a program, which moves forward through it."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}  # a future, and the line that issues it
        self._one_sided: dict[int, int] = {}  # a future issued on only one side of an `if`, and the line of that
        self._side = Side()

    @property
    def ended(self) -> str | None:
        """Why nothing that stands here is ever reached; None if it is."""
        return self._side.ended

    def end(self, reason: str) -> None:
        """No path goes on from here."""
        self._side.ended = reason

    def issue(self, future: int, line: int) -> str | None:
        """Make a future known; or say why it cannot be issued here."""
        if future <= self._side.last:
            if future in self._known:
                return f"f{future} is issued already, at line {self._known[future]}"
            return f"f{future} comes after f{self._side.last}: the numbers of futures rise along every path"
        self._known[future] = self._side.issued[future] = line
        self._side.last = future
        return None

    def knows(self, future: int) -> bool:
        """Whether every path to here has issued this future."""
        return future in self._known

    def one_sided(self, future: int) -> int | None:
        """The line of an `if` above, only one side of which issues this future."""
        return self._one_sided.get(future)

    def enter(self) -> Side:
        """Start a side of an `if`. Returns what surrounds it, for `leave`."""
        outer = self._side
        self._side = Side(last=outer.last)
        return outer

    def leave(self, outer: Side, line: int) -> Side:
        """End the side that `enter` started, of the `if` at `line`. Returns it, for `join`."""
        side, self._side = self._side, outer
        for future in side.issued:
            del self._known[future]
            self._one_sided.setdefault(future, line)
        return side

    def join(self, then: Side, orelse: Side, line: int) -> None:
        """Go on after the `if` at `line`, whose sides were these."""
        sides = [side for side in (then, orelse) if side.ended is None]
        if not sides:
            self._side.ended = f"both sides of the if at line {line} return"
            return
        self._side.last = max(side.last for side in sides)
        for future, where in sides[0].issued.items():
            if all(future in side.issued for side in sides):
                self._known[future] = self._side.issued[future] = where
