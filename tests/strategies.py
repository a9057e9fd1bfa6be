"""Hypothesis strategies for what the language can say: JSON values, references, templates, programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from asyncfc_sim.core.references import Path, Ref, Template, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch

# Pieces from which look-alikes of references are made: most strings that matter here are rare among random ones.
_PIECES = ["$", "$$", "{", "}", "f1", "$f1", "${f1}", "$${f1", "['", "']", '"', "'", "\\", ".a", "[0]", "f01", "5.00", "\n"]


def texts() -> st.SearchStrategy[str]:
    """Any text, and often one that looks like a reference or nearly so."""
    return st.text(max_size=8) | st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)


def names() -> st.SearchStrategy[str]:
    """Names of tools, arguments and object members: mostly plain, some odd."""
    return st.sampled_from(["a", "b", "path", "items", "größe"]) | st.sampled_from(["a b", "", "user-id", "1"]) | texts()


def json_scalars() -> st.SearchStrategy[Any]:
    return st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts()


def json_values(max_leaves: int = 6) -> st.SearchStrategy[Any]:
    return _nested(json_scalars(), max_leaves)


def paths() -> st.SearchStrategy[Path]:
    segments = names() | st.integers(-(10**14), 10**14)
    return st.lists(segments, max_size=3).map(tuple)


def references(futures: Sequence[int]) -> st.SearchStrategy[Ref]:
    """References to these futures, of which there must be some."""
    return st.builds(Ref, st.sampled_from(list(futures)), paths())


def string_templates(futures: Sequence[int]) -> st.SearchStrategy[Text]:
    """Strings with at least one reference inside, in the form in which they are parsed: no two texts in a row."""
    return st.lists(texts() | references(futures), min_size=1, max_size=4).map(_joined).filter(_has_reference)


def templates(futures: Sequence[int], max_leaves: int = 6) -> st.SearchStrategy[Template]:
    """What an argument may be, with references to these futures (perhaps none) at any depth."""
    leaves = json_scalars()
    if futures:
        leaves |= references(futures) | string_templates(futures)
    return _nested(leaves, max_leaves)


def calls(future: int, futures: Sequence[int], tools: Sequence[str] | None = None) -> st.SearchStrategy[Call]:
    tool = names() if tools is None else st.sampled_from(list(tools))
    return st.builds(Call, st.just(future), tool, st.dictionaries(names(), templates(futures), max_size=3))


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
        kind = draw(st.sampled_from(["call", "call", "call", "touch", "branch"] if path.known else ["call"]))
        match kind:
            case "touch":
                awaited = draw(st.lists(st.sampled_from(path.known), min_size=1, max_size=2))
                body.append(Touch(tuple(awaited)))
            case "branch" if depth < 2:
                body.append(_branch(draw, path, max(max_calls // 2, 1), tools, depth))
                if path.ended:
                    return tuple(body)
            case _:
                future = path.last + draw(st.sampled_from([1, 1, 1, 2]))
                body.append(draw(calls(future, path.known, tools)))
                path.known.append(future)
                path.last = future
    if draw(st.booleans() if depth == 0 else st.sampled_from([False, False, False, True])):
        refs = draw(st.lists(references(path.known), max_size=2)) if path.known else []
        body.append(Done(tuple(refs)))
        path.ended = True
    return tuple(body)


def _branch(draw: st.DrawFn, path: _Path, max_calls: int, tools: Sequence[str] | None, depth: int) -> Branch:
    ref, literal = draw(references(path.known)), draw(json_values(3))
    sides = [_Path(list(path.known), path.last) for _ in range(2)]
    then, orelse = (_block(draw, side, max_calls, tools, depth + 1) for side in sides)
    going = [side for side in sides if not side.ended]
    path.ended = not going
    if going:
        path.last = max(side.last for side in going)
        path.known = [future for future in going[0].known if all(future in side.known for side in going)]
    return Branch(ref, literal, then, orelse)


def _nested(leaves: st.SearchStrategy[Any], max_leaves: int) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names(), inner, max_size=3),
        max_leaves=max_leaves,
    )


def _joined(parts: list[str | Ref]) -> Text:
    joined: list[str | Ref] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return Text(tuple(joined))


def _has_reference(text: Text) -> bool:
    return any(isinstance(part, Ref) for part in text.parts)
