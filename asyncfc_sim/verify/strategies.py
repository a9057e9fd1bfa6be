"""Hypothesis strategies: programs, schedules and worlds, for tests of anything that claims to run programs.

    @given(programs(), schedules(), worlds())
    def test_async_is_in_order(program, schedule, world):
        setting = Setting(program, TOOLS, world.copy, granularity="steps")
        assert schedule.run(setting) == setting.in_order()

A program is drawn as a sketch, which knows no numbers of futures: a reference in it says how far back it looks. So any
part may be left out of a sketch, and what is left is still a program. That is what shrinking does; and nothing that
was drawn is ever thrown away for being invalid, which makes drawing fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from asyncfc_sim.core.references import Path, Ref, Template, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.core.values import JSON
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.toolbox import PARAMETERS, TOOLBOX

from .choices import Schedule

# By the names of a tool's parameters: what to draw for each.
Arguments = Mapping[str, st.SearchStrategy[JSON]]

# Few names, so that calls meet; what files hold are names too, so that a result can be a name.
_NAMES: Final = st.sampled_from(["a", "b", "d/a"])
_TEXTS: Final = st.sampled_from(["a", "b", "x"])
_PARAMETERS: Final[Arguments] = {
    **dict.fromkeys(("path", "src", "dst", "a", "b"), _NAMES),
    **dict.fromkeys(("text", "body", "x", "url"), _TEXTS),
    "dir": st.just("d"),
    "key": st.sampled_from(["n", "m"]),
    "n": st.sampled_from([1, 2]),
    "id": st.just("o"),
}
ARGUMENTS: Final[Mapping[str, Arguments]] = {
    tool: {name: _PARAMETERS[name] for name in names} for tool, names in PARAMETERS.items()
}
RESULTS: Final[st.SearchStrategy[JSON]] = st.sampled_from(["ok", "a", "b", 1])


def programs(
    tools: Mapping[str, Arguments] = ARGUMENTS,
    *,
    max_calls: int = 8,
    results: st.SearchStrategy[JSON] = RESULTS,
) -> st.SearchStrategy[Program]:
    """Valid programs that call these tools, by default those of the toolbox, which run in any of `worlds()`.

    `tools` gives a strategy for each parameter of each tool. In place of what is drawn there, a third of the arguments
    are results of earlier calls, or parts that such a result may not have, or text around one. There are touches; there
    are branches, which compare a result with one of `results`, and of which either side may return. `max_calls` bounds
    the calls on each path, and each reference is to a call that every path to it has made.

    Shrinks towards fewer statements, calls rather than others, fewer arguments, the values that come first, no
    references.
    """
    if max_calls < 1:
        raise InvalidArgument(f"programs: max_calls is a number from 1 on, not {max_calls}")
    if not tools:
        raise InvalidArgument("programs: there are no tools to call")
    calls = st.one_of([_calls(tool, arguments) for tool, arguments in tools.items()])
    sides = _blocks(_statements(calls), 0, 3, _SOMETIMES_RETURN)
    branches = st.builds(_Branch, _WATCHED, results, sides, sides)
    sketches = _blocks(_statements(calls, branches), 1, max_calls + max_calls // 2, _OFTEN_RETURN)

    @st.composite
    def programs(draw: st.DrawFn) -> Program:
        return Program(tuple(_Path(max_calls).block(draw(sketches))))

    return programs()


def schedules(max_choices: int = 32) -> st.SearchStrategy[Schedule]:
    """Schedules, each of which fits any program. Shrinks towards the decoder first, then the lowest call.

    A run in which there is more to choose ends in that simplest way. Eight atomic calls offer some twenty choices.
    """
    return st.binary(min_size=max_choices, max_size=max_choices).map(_schedule)


@st.composite
def worlds(draw: st.DrawFn) -> KeyWorld:
    """Worlds for the toolbox's tools: some files, numbers and an object. Shrinks towards an empty one.

    A run changes its world: start it in a `world.copy()`.
    """
    return KeyWorld(TOOLBOX, draw(_WORLDS))


def _schedule(drawn: bytes) -> Schedule:
    return Schedule(tuple(drawn.rstrip(b"\0")))


_WORLDS: Final = st.fixed_dictionaries(
    {
        **{f"file:{name}": st.sampled_from([None, "a", "b", "d/a"]) for name in ("a", "b", "d/a")},
        **{f"n:{name}": st.sampled_from([None, 1]) for name in ("n", "m")},
        "obj:o": st.sampled_from([None, {"x": ["a"]}]),
    }
)

# ------------------------------------------------------------------------------------------------------ sketches

# In a sketch, the number in a reference says which call it means: 0 the last one known there, 1 the one before it, and
# on, round and round.


@dataclass(frozen=True, slots=True)
class _Call:
    """A call; each argument has a literal, and what stands in its place once there is a call to refer to."""

    tool: str
    names: tuple[str, ...]
    arguments: tuple[tuple[JSON, Template], ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """Statements, and what is returned after them, if anything."""

    body: Sequence[_Sketch]
    returned: tuple[Ref, ...] | None


@dataclass(frozen=True, slots=True)
class _Branch:
    ref: Ref
    literal: JSON
    then: _Block
    orelse: _Block


_Sketch = _Call | Touch | _Branch

_ABSENT: Final[Path] = ("x", 0)  # the object in the world has it, hardly anything else does
# None leaves the literal.
_ALIASES: Final = st.sampled_from(
    [None] * 14 + [Ref(0), Ref(1), Ref(2), Ref(3), Ref(0, _ABSENT), Text(("d/", Ref(0))), Text((Ref(0), Ref(1)))]
)
_TOUCHES: Final = st.sampled_from([Touch((0,)), Touch((1,)), Touch((2,)), Touch((0, 1))])
_WATCHED: Final = st.sampled_from([Ref(0), Ref(1), Ref(2), Ref(0, _ABSENT)])
_OFTEN_RETURN: Final = st.sampled_from([None, (), (Ref(0),), (Ref(1), Ref(0, _ABSENT))])
_SOMETIMES_RETURN: Final = st.sampled_from([None, None, None, None, None, None, (), (Ref(0),)])


def _calls(tool: str, arguments: Arguments) -> st.SearchStrategy[_Call]:
    if not isinstance(arguments, Mapping):
        raise InvalidArgument(f"programs: {tool}: a strategy for each of its parameters, not {arguments!r}")
    drawn = st.tuples(*(st.tuples(strategy, _ALIASES) for strategy in arguments.values()))
    return drawn.map(partial(_Call, tool, tuple(arguments)))


def _statements(
    calls: st.SearchStrategy[_Call], branches: st.SearchStrategy[_Branch] | None = None
) -> st.SearchStrategy[_Sketch]:
    kinds: dict[str, st.SearchStrategy[_Sketch]] = {"call": calls, "touch": _TOUCHES}
    if branches is not None:
        kinds["branch"] = branches
    return st.sampled_from(["call"] * 6 + list(kinds)).flatmap(kinds.__getitem__)


def _blocks(
    statements: st.SearchStrategy[_Sketch], least: int, most: int, returns: st.SearchStrategy[tuple[Ref, ...] | None]
) -> st.SearchStrategy[_Block]:
    return st.builds(_Block, st.lists(statements, min_size=least, max_size=most), returns)


# --------------------------------------------------------------------------------------- from a sketch to a program


class _Path:
    """A path through a program that is being written: its calls so far, which later ones may refer to."""

    def __init__(self, max_calls: int, known: Sequence[int] = (), last: int = 0) -> None:
        self._max_calls = max_calls
        self._known = list(known)
        self._last = last
        self._returned = False

    def block(self, sketch: _Block) -> Iterator[Statement]:
        for statement in sketch.body:
            if not self._returned:
                yield from self._statement(statement)
        if sketch.returned is not None and not self._returned:
            self._returned = True
            yield Done(tuple(self._turned(ref) for ref in sketch.returned) if self._known else ())

    def _statement(self, sketch: _Sketch) -> Iterator[Statement]:
        match sketch:
            case _Call() if self._last < self._max_calls:
                yield self._call(sketch)
            case Touch(backs) if self._known:
                yield Touch(tuple(dict.fromkeys(self._back(back) for back in backs)))
            case _Branch() if self._known:
                yield self._branch(sketch)

    def _call(self, sketch: _Call) -> Call:
        args = {
            name: self._turned(alias) if alias is not None and self._known else literal
            for name, (literal, alias) in zip(sketch.names, sketch.arguments, strict=True)
        }
        self._last += 1
        call = Call(self._last, sketch.tool, args)
        self._known.append(self._last)
        return call

    def _branch(self, sketch: _Branch) -> Branch:
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
