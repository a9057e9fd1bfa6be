"""Run a grammar over a text: lark's tree, or the refusal in words."""

from __future__ import annotations

import functools
import re

from lark import Lark, Token, Tree, UnexpectedInput, UnexpectedToken

from asyncfc_sim._resources import data_path

from .errors import LanguageError
from .literals import refuse_depth

# What a person calls these terminals, together and one by one. The others are named by their text.
_GROUPS = (
    ({"INDEX"}, "a numbered step (`1. tool(...)`)"),
    ({"FUTURE", "AWAIT", "IF", "RETURN"}, "a statement (`f1 = tool(...)`, `await`, `if` or `return`)"),
    ({"REFERENCE", "STRING", "NUMBER", "NULL", "TRUE", "FALSE", "LSQB", "LBRACE"}, "a value"),
    ({"NAME", "STEP", "STRING", "NUMBER", "NONE", "TRUE", "FALSE", "LSQB", "LBRACE"}, "an argument"),
    ({"STEP", "STRING", "NUMBER", "NONE", "TRUE", "FALSE", "LSQB", "LBRACE"}, "a value"),
    ({"TOOL", "STRING"}, "the name of a tool"),
    ({"TOOL"}, "the name of a tool"),
    ({"NAME", "STRING"}, "the name of an argument"),
    ({"CANCEL", "TIMEOUT", "DELIVER"}, "a move (`cancel f1`, `timeout f1` or `deliver f1`)"),
)
_WORDS = {
    "AWAITED": "a future such as `$f1`",
    "COUNT": "a number, 1 or more",
    "FUTURE": "a future such as `f1`",
    "GRANULARITY": "`atomic` or `steps`",
    "NAME": "the name of a tool",
    "REFERENCE": "a reference such as `$f1.id`",
    "SCHEDULER": "a scheduler (naive, locks, effect, barrier, strict, naive/failstop or effect/failstop)",
    "STRING": "a string",
    "TITLE": "the name of the test, in capitals",
    "VERDICT": "`=` or `#`",
    "_NEWLINE": "a new line",
    "_SEPARATOR": "a new line",
    "$END": "the end of the text",
}
_QUIET = {"_NEWLINE", "_SEPARATOR", "$END"}

_found = re.compile(r"\w+|.", re.DOTALL)
_future = re.compile(r"f[1-9][0-9]{0,8}")
_awaited = re.compile(r"await\s*(?:\$f[0-9]+\s*,\s*)*\$f[0-9]+$")
_cut_reference = re.compile(r"\$f[1-9][^\s\"#(){},;=]*$")
_sound_string = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*')


@functools.cache
def load(name: str) -> Lark:
    """The parser of grammar/NAME.lark, built when it is first needed (some 100 ms)."""
    path = str(data_path("grammar", f"{name}.lark"))
    return Lark.open(path, parser="lalr", lexer="contextual", maybe_placeholders=False)


def parse(name: str, text: str, source: str) -> Tree[Token]:
    """The tree of `text` under grammar/NAME.lark. Raises LanguageError."""
    refuse_depth(text, source)
    parser = load(name).parse_interactive(text)
    try:
        parser.exhaust_lexer()
        tree: Tree[Token] = parser.feed_eof()  # type: ignore[no-untyped-call]
    except UnexpectedInput as error:
        at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        offset = len(text) if at_end else error.pos_in_stream or 0
        accepted: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
        raise _refusal(name, text, offset, accepted, source) from None
    return tree


def _refusal(name: str, text: str, offset: int, accepted: set[str], source: str) -> LanguageError:
    if offset >= len(text):
        return LanguageError.at(text, offset, "the text ends too early", source, _in_words(name, accepted))
    if "STRING" in accepted and text[offset] in "\"'":
        return _bad_string(name, text, offset, source)
    match = _found.match(text, offset)
    assert match is not None
    found = match.group()
    expected = _in_words(name, accepted)
    hint = _hint(found, accepted, expected, text[:offset])
    if hint:
        return LanguageError.at(text, offset, hint, source)
    # (never a new line: where it does not separate, it is white space)
    shown = f"`{found}`" if found.isprintable() else f"U+{ord(found[0]):04X}"
    return LanguageError.at(text, offset, f"unexpected {shown}", source, expected)


def _in_words(name: str, accepted: set[str]) -> tuple[str, ...]:
    left = set(accepted)
    words = []
    for group, word in _GROUPS:
        if group <= left:
            words.append(word)
            left -= group
    if words:
        left -= _QUIET  # an empty statement could stand there too, but nobody means one
    elif left & _QUIET != {"$END"}:
        left.discard("$END")
    literal = {terminal.name: terminal.pattern for terminal in load(name).terminals}
    words += [_WORDS.get(terminal) or f"`{literal[terminal].value}`" for terminal in sorted(left)]
    return tuple(words)


def _bad_string(name: str, text: str, offset: int, source: str) -> LanguageError:
    """What is wrong with the string that starts at `offset`, at the character that is to blame."""
    match = _sound_string.match(text, offset)
    end = match.end() if match else offset
    if name == "plan" or end >= len(text) or text[end] == "\n":
        return LanguageError.at(text, offset, "the string is not closed on its line", source)
    if match is None:
        return LanguageError.at(text, offset, "strings stand in double quotes", source)
    if text[end] == "\\":
        found = text[end : end + 2].rstrip()
        return LanguageError.at(text, end, f"`{found}` is no escape of JSON", source)
    return LanguageError.at(text, end, f"a string holds U+{ord(text[end]):04X} only as an escape", source)


def _hint(found: str, accepted: set[str], expected: tuple[str, ...], before: str) -> str | None:
    """A better word on mistakes that people and models make."""
    if found == "else" and before.rstrip().endswith("}"):
        return "`else` must stand on the line of the closing brace"
    if found in {"True", "False", "None"} and "NULL" in accepted:
        return f"`{found}` is written `{'null' if found == 'None' else found.lower()}`"
    if accepted & {"REFERENCE", "AWAITED"}:
        if found == "$":
            return "not a reference: futures are named `$f1`, `$f2` and so on"
        if _future.fullmatch(found):
            return f"a reference is written `${found}`"
    if found in ".[" and _awaited.search(before):
        return "`await` takes whole futures, without a path"
    if found in ".[" and _cut_reference.search(before):
        return "not the path of a reference: it is made of `.name`, `[0]` and `['any name']`"
    if expected == ("`==`",):
        return "an `if` compares with `==`"
    return None
