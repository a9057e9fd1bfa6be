"""The terms of the language: calls, touches, branches, and the program they form. Frozen and printable.

A program is a tree: a branch chooses one of two blocks and then goes on with what follows it, `Done` ends the run.
Futures are numbered; the numbers rise along every path through the program, so references point backwards only.
`str()` of every term is its text in the language (grammar/program.lark).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .references import NAME, Ref, Template, Text, format_string
from .values import JSON

# A tool's name that needs no quotes, as in grammar/program.lark.
_TOOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class Call:
    """`f3 = add(a=$f1.items[0], b=2)`: future 3 stands for the result of tool `add`; `args` are templates by name."""

    future: int
    tool: str
    args: Mapping[str, Template] = field(default_factory=dict)
    _text: str = field(default="", init=False, repr=False, compare=False)  # once it was asked for: part of keys

    def __str__(self) -> str:
        if not self._text:
            args = ", ".join(f"{_quoted(name, NAME)}={format_template(value)}" for name, value in self.args.items())
            object.__setattr__(self, "_text", f"f{self.future} = {_quoted(self.tool, _TOOL)}({args})")
        return self._text


@dataclass(frozen=True, slots=True)
class Touch:
    """`await $f1, $f2`: decoding goes on only when these futures are resolved, and their values have been seen."""

    futures: tuple[int, ...]

    def __str__(self) -> str:
        return "await " + ", ".join(f"$f{future}" for future in self.futures)


@dataclass(frozen=True, slots=True)
class Branch:
    """`if $f3.total == 5 { ... } else { ... }`: a touch of `ref` that chooses a block by JSON equality."""

    ref: Ref
    literal: JSON
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()

    def __str__(self) -> str:
        return "\n".join(_lines(self, ""))


@dataclass(frozen=True, slots=True)
class Done:
    """`return $f3.total`: the answer, a touch of each of `refs`. Calls still under way are drained before the end."""

    refs: tuple[Ref, ...] = ()

    def __str__(self) -> str:
        return "return " + ", ".join(map(str, self.refs)) if self.refs else "return"


Statement = Call | Touch | Branch | Done


@dataclass(frozen=True, slots=True)
class Program:
    """A whole run of the decoder, in program order. Without `Done` at its end, it ends there with an empty answer."""

    body: tuple[Statement, ...]

    def __str__(self) -> str:
        return "\n".join(line for statement in self.body for line in _lines(statement, ""))


def refs_in(template: Template) -> Iterator[Ref]:
    """Every reference in a template, from left to right."""
    match template:
        case Ref():
            yield template
        case Text(parts):
            yield from (part for part in parts if isinstance(part, Ref))
        case list():
            for item in template:
                yield from refs_in(item)
        case dict():
            for item in template.values():
                yield from refs_in(item)


def calls_in(body: tuple[Statement, ...]) -> Iterator[Call]:
    """Every call of a block, those of both sides of its branches included, in the order of the text."""
    for statement in body:
        match statement:
            case Call():
                yield statement
            case Branch(_, _, then, orelse):
                yield from calls_in(then)
                yield from calls_in(orelse)


def format_template(template: Template) -> str:
    """A template in the language: JSON, with references bare and strings escaped."""
    match template:
        case Ref():
            return str(template)
        case str() | Text():
            return json.dumps(format_string(template), ensure_ascii=False)
        case list():
            return "[" + ", ".join(map(format_template, template)) + "]"
        case dict():
            items = (
                f"{json.dumps(name, ensure_ascii=False)}: {format_template(item)}" for name, item in template.items()
            )
            return "{" + ", ".join(items) + "}"
        case _:
            return json.dumps(template)


def _quoted(name: str, bare: re.Pattern[str]) -> str:
    """A tool's or argument's name: JSON schemas and servers allow any, and the language quotes the unusual ones."""
    return name if bare.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _lines(statement: Statement, indent: str) -> Iterator[str]:
    if not isinstance(statement, Branch):
        yield indent + str(statement)
        return
    yield f"{indent}if {statement.ref} == {format_template(statement.literal)} {{"
    for inner in statement.then:
        yield from _lines(inner, indent + "  ")
    if statement.orelse:
        yield f"{indent}}} else {{"
        for inner in statement.orelse:
            yield from _lines(inner, indent + "  ")
    yield f"{indent}}}"
