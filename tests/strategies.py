"""Hypothesis strategies for what the language can say: JSON values, references, templates, programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st

from asyncfc_sim.core.references import Path, Ref, Template, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch

# Pieces from which look-alikes of references are made: most strings that matter here are rare among random ones.
_PIECES = [
    "$",
    "$$",
    "{",
    "}",
    "f1",
    "$f1",
    "${f1}",
    "$${f1",
    "['",
    "']",
    '"',
    "'",
    "\\",
    ".a",
    "[0]",
    "f01",
    "5.00",
    "\n",
]


def texts() -> st.SearchStrategy[str]:
    """Any text, and often one that looks like a reference or nearly so."""
    return _TEXTS


def names() -> st.SearchStrategy[str]:
    """Names of tools, arguments and object members: mostly plain, some odd."""
    return _NAMES


def json_scalars() -> st.SearchStrategy[Any]:
    return _SCALARS


def json_values() -> st.SearchStrategy[Any]:
    return _VALUES


def paths() -> st.SearchStrategy[Path]:
    return _PATHS


def references(futures: Sequence[int]) -> st.SearchStrategy[Ref]:
    """References to these futures, of which there must be some."""
    return _REFERENCES.map(partial(_to, futures))


def string_templates(futures: Sequence[int]) -> st.SearchStrategy[Text]:
    """Strings with at least one reference inside, in the form in which they are parsed: no two texts in a row."""
    return _STRINGS.map(partial(_to, futures))


def templates(futures: Sequence[int]) -> st.SearchStrategy[Template]:
    """What an argument may be, with references to these futures (perhaps none) at any depth."""
    return _TEMPLATES.map(partial(_to, futures)) if futures else _VALUES


def calls(future: int, futures: Sequence[int], tools: Sequence[str] | None = None) -> st.SearchStrategy[Call]:
    """Calls of one of `tools`, or of any, whose arguments may name these futures."""
    tool = _NAMES if tools is None else st.sampled_from(list(tools))
    args = _ARGUMENTS.map(partial(_to, futures)) if futures else _PLAIN_ARGUMENTS
    return st.builds(Call, st.just(future), tool, args)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3)

    return st.recursive(leaves, around, max_leaves=5)


def _joined(parts: list[str | Ref]) -> Text:
    joined: list[str | Ref] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return Text(tuple(joined))


def _to(futures: Sequence[int], template: Template) -> Template:
    """The same template, with its references turned to these futures."""
    match template:
        case Ref(choice, path):
            return Ref(futures[choice % len(futures)], path)
        case Text(parts):
            return Text(tuple(_to(futures, part) for part in parts))
        case list():
            return [_to(futures, item) for item in template]
        case dict():
            return {name: _to(futures, item) for name, item in template.items()}
        case _:
            return template


# Built once, because building strategies takes longer than drawing from them. Their references name a choice among
# futures that are not known yet: `_to` makes it.
_TEXTS = st.text(max_size=8) | st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
_NAMES = st.sampled_from(["a", "b", "path", "items", "größe", "a b", "", "user-id", "1"]) | _TEXTS
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _TEXTS)
_PATHS = st.lists(_NAMES | st.integers(-(10**14), 10**14), max_size=3).map(tuple)
_REFERENCES = st.builds(Ref, st.integers(0, 99), _PATHS)
_STRINGS = st.tuples(_TEXTS, _REFERENCES, st.lists(_TEXTS | _REFERENCES, max_size=2)).map(
    lambda drawn: _joined([drawn[0], drawn[1], *drawn[2]])
)
_VALUES = _nested(_SCALARS)
_TEMPLATES = _nested(_SCALARS | _REFERENCES | _STRINGS)
_ARGUMENTS = st.dictionaries(_NAMES, _TEMPLATES, max_size=3)
_PLAIN_ARGUMENTS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_KINDS = st.sampled_from(["call", "call", "call", "touch", "branch"])
_STEPS = st.sampled_from([1, 1, 1, 2])
_RETURNS = st.sampled_from([False, False, False, True])


@st.composite
def programs(draw: st.DrawFn, max_calls: int = 8, tools: Sequence[str] | None = None) -> Program:
    """Valid programs: the numbers of futures rise along every path, and references point backwards on it.

    Numbers may skip, and both sides of a branch may use the same one. `tools` are the names to choose from.
    """
    state = _Path()
    return Program(_block(draw, state, max_calls, tools, depth=0))


@dataclass
class _Path:
    """The futures known on the path that is being written, and the last number on it."""

    known: list[int] = field(default_factory=list)
    last: int = 0
    ended: bool = False


def _block(
    draw: st.DrawFn, path: _Path, max_calls: int, tools: Sequence[str] | None, depth: int
) -> tuple[Statement, ...]:
    body: list[Statement] = []
    for _ in range(draw(st.integers(0, max_calls))):
        kind = draw(_KINDS) if path.known else "call"
        match kind:
            case "touch":
                awaited = draw(st.lists(st.sampled_from(path.known), min_size=1, max_size=2))
                body.append(Touch(tuple(awaited)))
            case "branch" if depth < 2:
                body.append(_branch(draw, path, max(max_calls // 2, 1), tools, depth))
                if path.ended:
                    return tuple(body)
            case _:
                future = path.last + draw(_STEPS)
                body.append(draw(calls(future, path.known, tools)))
                path.known.append(future)
                path.last = future
    if draw(st.booleans() if depth == 0 else _RETURNS):
        refs = draw(st.lists(references(path.known), max_size=2)) if path.known else []
        body.append(Done(tuple(refs)))
        path.ended = True
    return tuple(body)


def _branch(draw: st.DrawFn, path: _Path, max_calls: int, tools: Sequence[str] | None, depth: int) -> Branch:
    ref, literal = draw(references(path.known)), draw(_VALUES)
    sides = [_Path(list(path.known), path.last) for _ in range(2)]
    then, orelse = (_block(draw, side, max_calls, tools, depth + 1) for side in sides)
    going = [side for side in sides if not side.ended]
    path.ended = not going
    if going:
        path.last = max(side.last for side in going)
        path.known = [future for future in going[0].known if all(future in side.known for side in going)]
    return Branch(ref, literal, then, orelse)
