"""Parts of the project's own grammars as text, to be put into grammars that are written for one purpose.

A decoder reads one text, with no imports, so what is taken from a file goes along with all that it needs.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping

from asyncfc_sim._resources import data_path

Definitions = Mapping[str, str]  # the right sides of rules and terminals, by name, in the order of their file

_LITERAL = r'"(?:\\.|[^"\\])*"i?'
_REGEX = r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/[a-z]*"
_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_token = re.compile(rf"(?P<literal>{_LITERAL})|(?P<regex>{_REGEX})|(?P<comment>\s*//[^\n]*)|(?P<name>{_NAME})|.", re.S)
_definition = re.compile(rf"^[?!]?({_NAME}):[ ]*", re.M)
_import = re.compile(r"^%import \.(\w+) \(([^)]*)\)$", re.M)
# Of a regular expression: an escape, a set of characters, or what repeats the part before it.
_regex_part = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[*+]|.", re.S)


@functools.cache
def definitions(name: str) -> Definitions:
    """What grammar/NAME.lark defines, and what it imports from the grammars beside it."""
    text = _without_comments(data_path("grammar", f"{name}.lark").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for neighbour, names in _import.findall(text):
        found |= needed(definitions(neighbour), (each.strip() for each in names.split(",")))
    heads = list(_definition.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        found[head.group(1)] = " ".join(text[head.end() : end].split("\n")).strip()
    return found


def needed(known: Definitions, names: Iterable[str]) -> Definitions:
    """The definitions of these names and, before them, of all that they need."""
    found: dict[str, str] = {}
    begun: set[str] = set()

    def take(name: str) -> None:
        if name in known and name not in begun:
            begun.add(name)
            for inner in names_in(known[name]):
                take(inner)
            found[name] = known[name]

    for name in names:
        take(name)
    return found


def names_in(body: str) -> list[str]:
    """The rules and terminals that a definition names, once each."""
    return list(dict.fromkeys(token.group() for token in _token.finditer(body) if token["name"]))


def renamed(body: str, names: Mapping[str, str]) -> str:
    """The definition with other names in the place of these."""
    return _rewritten(body, lambda name: names.get(name, name))


def bounded(body: str, times: int) -> str:
    """The definition of a terminal in which nothing is repeated more often than this."""
    text = _rewritten(body, lambda name: name, lambda regex: _bounded_regex(regex, times))
    pieces = [token.group() for token in _token.finditer(text)]
    return "".join(f"~0 ..{times}" if piece == "*" else f"~1 ..{times}" if piece == "+" else piece for piece in pieces)


def literal(text: str) -> str:
    """A text as a literal of a grammar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for char, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(char, escape)
    return f'"{escaped}"'


def _bounded_regex(regex: str, times: int) -> str:
    counts = {"*": f"{{0,{times}}}", "+": f"{{1,{times}}}"}
    return "".join(counts.get(part, part) for part in _regex_part.findall(regex))


def _rewritten(body: str, name: Callable[[str], str], regex: Callable[[str], str] = lambda regex: regex) -> str:
    pieces = []
    for token in _token.finditer(body):
        piece = token.group()
        pieces.append(name(piece) if token["name"] else regex(piece) if token["regex"] else piece)
    return "".join(pieces)


def _without_comments(text: str) -> str:
    return "".join(token.group() for token in _token.finditer(text) if not token["comment"])
