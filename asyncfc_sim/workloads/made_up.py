"""Values made up for tools that nobody has described: whatever shape the program's references ask for.

`$f1.items[0].id` makes call 1 return `{"items": [{"id": "<search.items[0].id 3fa9c1d2>"}]}`. The digest inside is that
of all the call saw, so a value that was read at the wrong time is another value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from asyncfc_sim.core.references import Path, Ref, format_path
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch, refs_in
from asyncfc_sim.core.values import JSON

MAX_LENGTH: Final = 1000  # of an array that is made up

# A call of the program: its future and its tool. The two sides of an `if` may use one number for different tools.
CallId = tuple[int, str]


class Contradiction(ValueError):
    """No value has all the parts that are asked for."""


def paths_into(program: Program) -> dict[CallId, list[Path]]:
    """The parts of each call's value that the program names, in the order of the text."""
    paths: dict[CallId, list[Path]] = {}
    _collect(program.body, {}, paths)
    return paths


def _collect(body: Iterable[Statement], tools: dict[int, set[str]], paths: dict[CallId, list[Path]]) -> None:
    """`tools` tells which tools a future may stand for here."""

    def note(refs: Iterable[Ref]) -> None:
        for ref in refs:
            for tool in tools.get(ref.future, ()):
                paths[ref.future, tool].append(ref.path)

    for statement in body:
        match statement:
            case Call(future, tool, args):
                for template in args.values():
                    note(refs_in(template))
                tools[future] = {tool}
                paths.setdefault((future, tool), [])
            case Branch(ref, _, then, orelse):
                note([ref])
                sides = [dict(tools), dict(tools)]
                _collect(then, sides[0], paths)
                _collect(orelse, sides[1], paths)
                for future in sides[0].keys() | sides[1].keys():
                    tools[future] = sides[0].get(future, set()) | sides[1].get(future, set())
            case Done(refs):
                note(refs)
            case Touch():
                pass


def make_up(paths: Iterable[Path], name: str, digest: str) -> JSON:
    """A value with all of these parts; `name` and `digest` stand in its leaves. Raises Contradiction."""
    deeper = [path for path in paths if path]
    heads = list(dict.fromkeys(path[0] for path in deeper))
    if not heads:
        return f"<{name} {hashlib.blake2b(f'{digest} {name}'.encode(), digest_size=4).hexdigest()}>"
    names = [head for head in heads if isinstance(head, str)]
    indices = [head for head in heads if isinstance(head, int)]
    if names and indices:
        raise Contradiction(f"{name} has both {format_path((names[0],))} and {format_path((indices[0],))}")
    if names:
        rest: Mapping[str, list[Path]] = {head: [path[1:] for path in deeper if path[0] == head] for head in names}
        return {head: make_up(rest[head], f"{name}{format_path((head,))}", digest) for head in names}
    length = max(index + 1 if index >= 0 else -index for index in indices)
    if length > MAX_LENGTH:
        raise Contradiction(f"{name} has {length} elements, more than {MAX_LENGTH}")
    return [
        make_up(
            [path[1:] for path in deeper if isinstance(path[0], int) and path[0] % length == index],
            f"{name}[{index}]",
            digest,
        )
        for index in range(length)
    ]
