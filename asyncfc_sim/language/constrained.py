"""The grammar that holds a model to well-formed calls of given tools, with references that only go backward.

What a call may name depends on its number, and a context-free grammar cannot count. So all that holds references is
written once for each call of a message: `call3` can be `find_room` with the strings of STRING3, which name $f1 and $f2.
The syntax itself is that of grammar/hermes.lark, and of reference.lark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from asyncfc_sim.core.messages import AWAIT, CANCEL
from asyncfc_sim.core.references import format_string
from asyncfc_sim.core.values import JSON

from .int_ranges import between
from .lark_text import bounded, definitions, literal, names_in, needed, renamed
from .schema_shapes import SchemaError, parameters_shape
from .shapes import Array, Integers, Member, Object, Shape

_LAST: Final = 999_999_999  # FUTURE of reference.lark has nine digits
_LINE_BREAKS: Final = re.compile(r"[\r\n]+")  # in the names of a schema; they would end a comment
_COMMA: Final = '", "'


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a message may be.

    futures     whether values may be references, and futures be awaited and cancelled
    first       the number of the message's first call; `$f1` up to the one before it may be named from the start on
    max_calls   with so many calls that have a number the message ends
    answer      whether it may be an answer in words instead
    max_string  how often anything is repeated within a string or an answer at most, so about how long it is; without
                it a model with random weights comes to no end
    tokens      whether `<tool_call>` and `</tool_call>` are single tokens of the model, rather than text
    """

    futures: bool = True
    first: int = 1
    max_calls: int = 8
    answer: bool = True
    max_string: int | None = None
    tokens: bool = False


class NumberingError(ValueError):
    """Numbers that calls cannot have."""


@dataclass(frozen=True, slots=True)
class ToolGrammar:
    """A Lark grammar; `notes` say where it and the schemas of the tools part (they stand in it, too)."""

    text: str
    notes: tuple[str, ...]


def tool_grammar(tools: Mapping[str, Mapping[str, Any]], held: Held | None = None) -> ToolGrammar:
    """The grammar of one message that calls these tools; each is given with the JSON schema of its parameters.

    A schema that is widened already (`language.widen`) gives the same grammar. Raises SchemaError for a schema that is
    none or that no arguments fit, and if there are no tools; NumberingError for numbers of calls that cannot be.
    """
    held = held or Held()
    if not tools.keys() - {AWAIT, CANCEL}:
        raise SchemaError("a grammar of calls needs at least one tool")
    if held.first < 1 or held.max_calls < 1 or held.first + held.max_calls > _LAST:
        raise NumberingError(f"calls are numbered from 1 to {_LAST}: not {held.max_calls} calls from {held.first} on")
    notes: list[str] = []
    shapes = {
        name: parameters_shape(name, schema, notes) for name, schema in tools.items() if name not in (AWAIT, CANCEL)
    }
    writer = _Writer(held)
    writer.message(shapes)
    text = "\n".join([*_head(list(shapes), held, notes), *(f"{name}: {body}" for name, body in writer.rules.items())])
    return ToolGrammar(f"{text}\n", tuple(dict.fromkeys(notes)))


def _head(tools: list[str], held: Held, notes: list[str]) -> list[str]:
    earlier = f"$f1 to $f{held.first - 1}" if held.first > 2 else "$f1"
    named = f"{earlier} and the calls before it" if held.first > 1 else "the calls before it"
    lines = [
        f"Calls of {', '.join(tools)}.",
        "Made of grammar/hermes.lark of asyncfc-sim, which says what the terminals mean.",
        f"The first call is f{held.first}, the last at most f{held.first + held.max_calls - 1}.",
        f"A call may name {named} in the message." if held.futures else "There are no futures.",
        "The members of objects stand in the order of their schema; members that it does not name are left out.",
    ]
    if held.max_string is not None:
        lines.append(f"NARROWER: nothing is repeated more than {held.max_string} times within a string.")
    if notes:
        lines += ["What the schemas say beyond this grammar:", *(f"  {note}" for note in dict.fromkeys(notes))]
    return [*(f"// {_LINE_BREAKS.sub(' ', line)}" for line in lines), ""]


class _Writer:
    """Writes rules and terminals as they are needed; `number` is always that of the call that they are for."""

    def __init__(self, held: Held) -> None:
        self.rules: dict[str, str] = {}
        self._held = held
        self._known = definitions("hermes")
        self._named: dict[tuple[str, Array | Object], int] = {}

    def message(self, tools: Mapping[str, Object]) -> None:
        first, end = self._held.first, self._held.first + self._held.max_calls
        answer = f" | {self._take('TEXT', first)}" if self._held.answer else ""
        self.rules = {"start": f"calls{first}{answer}", **self.rules}
        for number in range(first, end + 1):
            self._calls(number, tools, last=number == end)
        for tag in ("tool_open", "tool_close"):
            self.rules[tag] = json.loads(self._known[tag]) if self._held.tokens else self._known[tag]

    def _calls(self, number: int, tools: Mapping[str, Object], *, last: bool) -> None:
        """What a message may go on with, or begin with, if its next call has this number."""
        ways = [] if last else [f"call{number} rest{number + 1}"]
        if self._awaits(number):
            ways.append(f"wait{number} rest{number}")
        if not ways:
            self.rules[f"rest{number}"] = ""
            return
        self.rules[f"calls{number}"] = " | ".join(ways)
        if number > self._held.first or self._awaits(number):
            self.rules[f"rest{number}"] = f'["\\n" calls{number}]'
        if not last:
            self._call(f"call{number}", [(name, self._object(shape, number)) for name, shape in tools.items()])
        if self._awaits(number):
            protocol = [(AWAIT, self._take("await_future", number)), (CANCEL, self._take("cancel_future", number))]
            self._call(f"wait{number}", protocol)

    def _call(self, rule: str, tools: Iterable[tuple[str, str]]) -> None:
        ways = [f"{literal(_opening(name))} {arguments}" for name, arguments in tools]
        self.rules[rule] = f'tool_open ({" | ".join(ways)}) "}}\\n" tool_close'

    def _awaits(self, number: int) -> bool:
        return self._held.futures and number > 1

    # ------------------------------------------------------------------------------------------------ values

    def _place(self, shape: Shape, number: int) -> str:
        """A value where a reference may stand instead of it."""
        ways = self._ways(shape, number)
        if self._awaits(number) and not (shape.text or shape.anything):
            ways.append(self._take("FUTURE_VALUE", number))
        return ways[0] if len(ways) == 1 else f"({' | '.join(ways)})"

    def _ways(self, shape: Shape, number: int) -> list[str]:
        if shape.anything:
            return [self._take("value", number)]
        ways = [literal(self._written(value)) for value in shape.fixed]
        if shape.text:
            ways.append(self._take("STRING", number))
        if shape.number:
            ways.append(self._take("NUMBER", number))
        if shape.integers is not None:
            ways.append(self._integers(shape.integers, number))
        if shape.array is not None:
            ways.append(self._array(shape.array, number))
        if shape.object is not None:
            ways.append(self._object(shape.object, number))
        return ways

    def _written(self, value: JSON) -> str:
        """A scalar as it is written: a string that only looks like a reference is escaped where some are."""
        meant = format_string(value) if isinstance(value, str) and self._held.futures else value
        return _json(meant)

    def _integers(self, integers: Integers, number: int) -> str:
        if integers == Integers():
            return self._take("INTEGER", number)
        name = f"FROM_{integers.low}_TO_{integers.high}".replace("-", "MINUS_")
        self.rules[name] = f"/{between(integers.low, integers.high)}/"
        return name

    def _array(self, array: Array, number: int) -> str:
        rule, new = self._rule("array", array, number)
        if new and array.fixed:
            self.rules[rule] = f'"[" {f" {_COMMA} ".join(self._place(item, number) for item in array.fixed)} "]"'
        elif new and array.high == 0:
            self.rules[rule] = '"[" "]"'
        elif new:
            item = self._place(array.items, number)
            further = _times(
                f"({_COMMA} {item})", max(array.low - 1, 0), None if array.high is None else array.high - 1
            )
            inner = f"{item} {further}".rstrip()
            self.rules[rule] = f'"[" {inner} "]"' if array.low else f'"[" [{inner}] "]"'
        return rule

    def _object(self, shape: Object, number: int) -> str:
        rule, new = self._rule("object", shape, number)
        if new and shape.others is not None:
            member = f'{self._take("LITERAL", number)} ": " {self._place(shape.others, number)}'
            self.rules[rule] = f'"{{" [{member} ({_COMMA} {member})*] "}}"'
        elif new and not shape.members:
            self.rules[rule] = '"{" "}"'
        elif new and all(member.required for member in shape.members):
            members = f" {_COMMA} ".join(self._member(member, number) for member in shape.members)
            self.rules[rule] = f'"{{" {members} "}}"'
        elif new:
            none = "" if any(member.required for member in shape.members) else ' | "{" "}"'
            self.rules[rule] = f'"{{" {rule}_from1{none}'
            self._members(rule, shape.members, number)
        return rule

    def _members(self, rule: str, members: tuple[Member, ...], number: int) -> None:
        """`RULE_from2`: the second member or, if that may be left out, a later one, and what follows up to the end."""
        for place, member in enumerate(members, 1):
            later = members[place:]
            following = [f"{_COMMA} {rule}_from{place + 1}"] if later else []
            if not any(other.required for other in later):
                following.append('"}"')
            ways = [f"{self._member(member, number)} ({' | '.join(following)})"]
            if later and not member.required:
                ways.append(f"{rule}_from{place + 1}")
            self.rules[f"{rule}_from{place}"] = " | ".join(ways)

    def _member(self, member: Member, number: int) -> str:
        return f"{literal(_json(member.name) + ': ')} {self._place(member.shape, number)}"

    def _rule(self, kind: str, shape: Array | Object, number: int) -> tuple[str, bool]:
        """The name of the rule for an array or an object, and whether it is still to be written."""
        place = self._named.setdefault((kind, shape), len(self._named) + 1)
        rule = f"{kind}{place}{self._suffix(number)}"
        new = rule not in self.rules
        if new:
            self.rules[rule] = ""
        return rule, new

    def _suffix(self, number: int) -> str:
        return f"_call{number}" if self._held.futures else ""

    # -------------------------------------------------------------------------------------- what the files define

    def _take(self, name: str, number: int) -> str:
        """Take a rule or terminal over, with all that it needs; returns the name that it has here."""
        if name == "STRING" and not self._awaits(number):
            name = "TEXTUAL" if self._held.futures else "LITERAL"
        holds_references = "BACKWARD" in needed(self._known, [name])
        suffix = self._suffix(number) if holds_references else ""
        new = name + (suffix.upper() if name.isupper() else suffix)
        if new in self.rules:
            return new
        self.rules[new] = ""
        body = self._known[name]
        if name == "BACKWARD":
            body = f'"f" /(?:{between(1, number - 1)})/'
        elif name.isupper() and self._held.max_string is not None:
            body = bounded(body, self._held.max_string)
        self.rules[new] = renamed(body, {inner: self._take(inner, number) for inner in names_in(body)})
        return new


def _opening(tool: str) -> str:
    """How a call begins, up to its arguments."""
    return f'\n{{"name": {_json(tool)}, "arguments": '


def _json(value: JSON) -> str:
    """A scalar as JSON in which there is no tag of the wire form."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<tool_", "\\u003ctool_").replace("</tool_", "<\\/tool_")


def _times(part: str, low: int, high: int | None) -> str:
    """`part` as often as from `low` to `high` times; without `high`, any number of times."""
    if high is None:
        return f"{part}*" if low == 0 else f"{part}~{low} {part}*"
    if high == 0:
        return ""
    return f"{part}~{low}" if low == high else f"{part}~{low} ..{high}"
