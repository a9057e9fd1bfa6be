"""Programs without numbers: a reference in a sketch says how far back it looks, not which future it means.

So any part of a sketch may be left out or changed, and what is left is still a program. The number in a reference (or
a touch) is 0 for the last call that is known on every path to it, 1 for the one before it, and on, round and round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core.references import Ref, Template, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.core.values import JSON


@dataclass(frozen=True, slots=True)
class CallSketch:
    """A call; each argument has a literal, and what stands in its place once there is a call to refer to."""

    tool: str
    names: tuple[str, ...]
    arguments: tuple[tuple[JSON, Template], ...]


@dataclass(frozen=True, slots=True)
class BlockSketch:
    """Statements, and what is returned after them, if anything."""

    body: Sequence[Sketch]
    returned: tuple[Ref, ...] | None


@dataclass(frozen=True, slots=True)
class BranchSketch:
    """A look at a value, and what is done if it is the literal, and if it is not."""

    ref: Ref
    literal: JSON
    then: BlockSketch
    orelse: BlockSketch


Sketch = CallSketch | Touch | BranchSketch


def program_of(sketch: BlockSketch, max_calls: int) -> Program:
    """The program that is meant. Calls beyond `max_calls` on a path are left out, and looks at what is not there."""
    return Program(tuple(_Path(max_calls).block(sketch)))


class _Path:
    """A path through a program that is being written: its calls so far, which later ones may refer to."""

    def __init__(self, max_calls: int, known: Sequence[int] = (), last: int = 0) -> None:
        self._max_calls = max_calls
        self._known = list(known)
        self._last = last
        self._returned = False

    def block(self, sketch: BlockSketch) -> Iterator[Statement]:
        for statement in sketch.body:
            if not self._returned:
                yield from self._statement(statement)
        if sketch.returned is not None and not self._returned:
            self._returned = True
            yield Done(tuple(self._turned(ref) for ref in sketch.returned) if self._known else ())

    def _statement(self, sketch: Sketch) -> Iterator[Statement]:
        match sketch:
            case CallSketch() if self._last < self._max_calls:
                yield self._call(sketch)
            case Touch(backs) if self._known:
                yield Touch(tuple(dict.fromkeys(self._back(back) for back in backs)))
            case BranchSketch() if self._known:
                yield self._branch(sketch)

    def _call(self, sketch: CallSketch) -> Call:
        args = {
            name: self._turned(alias) if alias is not None and self._known else literal
            for name, (literal, alias) in zip(sketch.names, sketch.arguments, strict=True)
        }
        self._last += 1
        call = Call(self._last, sketch.tool, args)
        self._known.append(self._last)
        return call

    def _branch(self, sketch: BranchSketch) -> Branch:
        ref: Ref = self._turned(sketch.ref)
        sides = [_Path(self._max_calls, self._known, self._last) for _ in range(2)]
        then, orelse = (
            tuple(side.block(block)) for side, block in zip(sides, (sketch.then, sketch.orelse), strict=True)
        )
        going = [side for side in sides if not side._returned]
        self._returned = not going
        if going:
            self._last = max(side._last for side in going)
            self._known = [future for future in going[0]._known if all(future in side._known for side in going)]
        return Branch(ref, sketch.literal, then, orelse)

    def _turned(self, template: Any) -> Any:
        """The same reference, or text with references, to the futures that are meant."""
        match template:
            case Ref(back, path):
                return Ref(self._back(back), path)
            case Text(parts):
                return Text(tuple(part if isinstance(part, str) else self._turned(part) for part in parts))

    def _back(self, back: int) -> int:
        return self._known[-1 - back % len(self._known)]
