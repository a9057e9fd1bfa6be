"""Hypothesis strategies: programs, schedules and worlds, for tests of anything that claims to run programs.

    @given(programs(), schedules(), worlds())
    def test_async_is_in_order(program, schedule, world):
        setting = Setting(program, TOOLS, world.copy, granularity="steps")
        assert schedule.run(setting) == setting.in_order()

What is drawn of a program is a sketch (sketch.py), any part of which may be left out, as shrinking does; and nothing
that was drawn is ever thrown away for being invalid, which makes drawing fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from asyncfc_sim.core.references import Path, Ref, Text
from asyncfc_sim.core.syntax import Program, Touch
from asyncfc_sim.core.values import JSON
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.toolbox import PARAMETERS, TOOLBOX

from .choices import Schedule
from .sketch import BlockSketch, BranchSketch, CallSketch, Sketch, program_of

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
    branches = st.builds(BranchSketch, _WATCHED, results, sides, sides)
    sketches = _blocks(_statements(calls, branches), 1, max_calls + max_calls // 2, _OFTEN_RETURN)

    @st.composite
    def programs(draw: st.DrawFn) -> Program:
        return program_of(draw(sketches), max_calls)

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

_ABSENT: Final[Path] = ("x", 0)  # the object in the world has it, hardly anything else does
# What stands in a literal's place (None: the literal does); numbers look back, as in sketch.py.
_ALIASES: Final = st.sampled_from(
    [None] * 14 + [Ref(0), Ref(1), Ref(2), Ref(3), Ref(0, _ABSENT), Text(("d/", Ref(0))), Text((Ref(0), Ref(1)))]
)
_TOUCHES: Final = st.sampled_from([Touch((0,)), Touch((1,)), Touch((2,)), Touch((0, 1))])
_WATCHED: Final = st.sampled_from([Ref(0), Ref(1), Ref(2), Ref(0, _ABSENT)])
_OFTEN_RETURN: Final = st.sampled_from([None, (), (Ref(0),), (Ref(1), Ref(0, _ABSENT))])
_SOMETIMES_RETURN: Final = st.sampled_from([None, None, None, None, None, None, (), (Ref(0),)])


def _calls(tool: str, arguments: Arguments) -> st.SearchStrategy[CallSketch]:
    if not isinstance(arguments, Mapping):
        raise InvalidArgument(f"programs: {tool}: a strategy for each of its parameters, not {arguments!r}")
    drawn = st.tuples(*(st.tuples(strategy, _ALIASES) for strategy in arguments.values()))
    return drawn.map(partial(CallSketch, tool, tuple(arguments)))


def _statements(
    calls: st.SearchStrategy[CallSketch], branches: st.SearchStrategy[BranchSketch] | None = None
) -> st.SearchStrategy[Sketch]:
    kinds: dict[str, st.SearchStrategy[Sketch]] = {"call": calls, "touch": _TOUCHES}
    if branches is not None:
        kinds["branch"] = branches
    return st.sampled_from(["call"] * 6 + list(kinds)).flatmap(kinds.__getitem__)


def _blocks(
    statements: st.SearchStrategy[Sketch], least: int, most: int, returns: st.SearchStrategy[tuple[Ref, ...] | None]
) -> st.SearchStrategy[BlockSketch]:
    return st.builds(BlockSketch, st.lists(statements, min_size=least, max_size=most), returns)
