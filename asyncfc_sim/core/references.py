"""References to futures, and how they are written inside strings.

`$f3.items[0].id` names future 3 and a part of its value: an RFC 9535 singular query with `$f3` for the root. In a
string, all of which is a reference, the *value* is bound, with its type; `${f3.id}` inside a longer string is
replaced by text. A `$` is doubled where it must not start a reference: `$$f3` reads `$f3`, and of a run of `$` before
`{f3}` each pair is one `$` (`$$${f3}` is a dollar sign and a value). Anything else is text: `$5.00`, `$f`, `$f01`.

grammar/reference.lark is the same definition for the reader of the language; a test holds the two together.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Segment = str | int
Path = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """`$f3.items[0].id`: the value of future 3, or the part of it that `path` names."""

    future: int
    path: Path = ()

    def __str__(self) -> str:
        return f"$f{self.future}{format_path(self.path)}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string with references inside: `"five: ${f3.total}"`. Strings are inserted raw, other values as JSON."""

    parts: tuple[str | Ref, ...]


# A template is a JSON value whose leaves may also be `Ref` or `Text` nodes.
Template = Any

_UNIT = r"u(?:[0-9A-CE-Fa-ce-f][0-9A-Fa-f]|[Dd][0-7])[0-9A-Fa-f]{2}"
_UNITS = r"u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
_ESCAPED = rf"\\(?:[bfnrt/\\]|{_UNIT}|{_UNITS})"
# ASCII letters, digits, `_`, and all beyond ASCII; by what it is not, because that compiles ten times as fast.
_NAME = r"[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*"
# No `${` in quoted names (it is written `\u0024{`): otherwise `${f1['${f2}']}` would have two readings.
_SINGLE = rf"'(?:\$*(?:[^'\\${{\x00-\x1f]|\\'|{_ESCAPED})|\{{)*\$*'"
_DOUBLE = rf'"(?:\$*(?:[^"\\${{\x00-\x1f]|\\"|{_ESCAPED})|\{{)*\$*"'
# Bounded, because a model may write any number of digits, and `int` refuses more than 4,300.
_FUTURE = r"f[1-9][0-9]{0,8}"
_INDEX = r"0|-?[1-9][0-9]{0,14}"
_REFERENCE = rf"{_FUTURE}(?:\.{_NAME}|\[(?:{_SINGLE}|{_DOUBLE}|{_INDEX})\])*"

_whole = re.compile(rf"(\$+)({_REFERENCE})")
_inside = re.compile(rf"(?<!\$)(\$+)\{{({_REFERENCE})\}}")
_segment = re.compile(rf"\.({_NAME})|\[({_SINGLE}|{_DOUBLE})\]|\[({_INDEX})\]")
_future = re.compile(_FUTURE)
# A name that needs no quotes, in a path and as the name of an argument.
NAME = re.compile(_NAME)


def format_path(path: Path) -> str:
    """The text of a path: `.items[0]['a b']`, with RFC 9535's shorthand names where they are allowed."""
    return "".join(map(_format_segment, path))


def _format_segment(segment: Segment) -> str:
    if isinstance(segment, int):
        return f"[{segment}]"
    if NAME.fullmatch(segment):
        return f".{segment}"
    # Single quotes, because references mostly stand inside the double-quoted strings of JSON.
    inner = json.dumps(segment, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    inner = inner.replace("${", "\\u0024{")
    return f"['{inner}']"


def parse_reference(text: str) -> Ref | None:
    """The reference that `text`, without its `$`, is all of; None if it is none. `f3.items[0]` -> Ref(3, ...)."""
    if not re.fullmatch(_REFERENCE, text):
        return None
    head = _future.match(text)
    assert head is not None
    path: list[Segment] = []
    for name, quoted, index in _segment.findall(text, head.end()):
        if index:
            path.append(int(index))
        elif quoted:
            path.append(unquote(quoted))
        else:
            path.append(name)
    return Ref(int(head.group()[1:]), tuple(path))


def unquote(quoted: str) -> str:
    """The member name that a quoted RFC 9535 name selector stands for."""
    inner = quoted[1:-1]
    if quoted[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    name: str = json.loads(f'"{inner}"')
    return name


def parse_string(text: str) -> Template:
    """What a string argument means: a `Ref`, a `Text`, or plain text with its escapes undone."""
    if "$" not in text:  # nearly all: the short way past two regular expressions
        return text
    whole = _whole.fullmatch(text)
    if whole:
        return parse_reference(whole.group(2)) if len(whole.group(1)) == 1 else text[1:]
    parts: list[str | Ref] = []
    literal, end = "", 0
    for match in _inside.finditer(text):
        dollars, reference = match.groups()
        literal += text[end : match.start()] + "$" * (len(dollars) // 2)
        end = match.end()
        if len(dollars) % 2 == 0:
            literal += "{" + reference + "}"
            continue
        ref = parse_reference(reference)
        assert ref is not None
        parts += [literal, ref] if literal else [ref]
        literal = ""
    literal += text[end:]
    if not parts:
        return literal
    return Text((*parts, literal) if literal else tuple(parts))


def format_string(template: str | Ref | Text) -> str:
    """The string that `parse_string` reads as `template`."""
    match template:
        case Ref():
            return str(template)
        case str() if "$" not in template:  # as in parse_string
            return template
        case str():
            return "$" + template if _whole.fullmatch(template) else _double_dollars(template)
        case Text(parts):
            return "".join(
                _format_part(part, following) for part, following in zip(parts, (*parts[1:], ""), strict=True)
            )


def template_to_json(template: Template) -> Any:
    """A template as plain JSON, its references written into strings: the form of the wire and of traces."""
    match template:
        case str() | Ref() | Text():
            return format_string(template)
        case list():
            return [template_to_json(item) for item in template]
        case dict():
            return {name: template_to_json(item) for name, item in template.items()}
        case _:
            return template


def _double_dollars(text: str) -> str:
    return _inside.sub(lambda match: match.group(1) + match.group(0), text)


def _format_part(part: str | Ref, following: str | Ref) -> str:
    if isinstance(part, Ref):
        return "${" + str(part)[1:] + "}"
    text = _double_dollars(part)
    if isinstance(following, Ref):
        text += "$" * (len(text) - len(text.rstrip("$")))
    return text
