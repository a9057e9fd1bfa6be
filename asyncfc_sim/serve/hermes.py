"""A model's text -> text and calls, piece by piece, where calls are written as in Hermes:

    <tool_call>
    {"name": "search", "arguments": {"query": "Berlin"}}
    </tool_call>

A call's name is passed on when its arguments begin, its arguments as they come. What stands between the tags and is no
such call is passed on as the text that it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from asyncfc_sim.live.braces import Braces

from .marks import begun

OPEN: Final = "<tool_call>"
CLOSE: Final = "</tool_call>"
# In JSON no string holds a line break, and no other value holds the tag: here a call ends, complete or not.
_CUT: Final = f"\n{CLOSE}"
_HEAD: Final = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)')


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of what is said."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBegun:
    """A call of a tool; `index` is its number in the message, from 0."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the arguments, as JSON text, of the call that was begun last."""

    index: int
    text: str


Part = Text | CallBegun | CallArguments


class _At(Enum):
    TEXT = auto()
    HEAD = auto()  # after the opening tag
    ARGUMENTS = auto()
    TAIL = auto()  # after the arguments


class Hermes:
    """One message. `calls` are those begun, `complete` those whose end has come."""

    def __init__(self) -> None:
        self.calls = self.complete = 0
        self._at = _At.TEXT
        self._rest = ""  # came, and not passed on
        self._braces = Braces()

    def feed(self, text: str) -> Iterator[Part]:
        """What is known to be said or called once this text has come."""
        self._rest += text
        while True:
            before = self._at, len(self._rest)
            match self._at:
                case _At.TEXT:
                    yield from self._text()
                case _At.HEAD:
                    yield from self._head()
                case _At.ARGUMENTS:
                    yield from self._arguments()
                case _At.TAIL:
                    self._tail()
            if before == (self._at, len(self._rest)):
                return

    def end(self) -> Iterator[Part]:
        """The rest, as no more comes."""
        match self._at:
            case _At.TEXT:
                yield from self._said(self._rest if self._rest.strip() or not self.calls else "")
            case _At.HEAD:
                yield Text(OPEN + self._rest)
            case _At.ARGUMENTS if self._rest:
                yield CallArguments(self.calls - 1, self._rest)
        self._rest = ""

    def _text(self) -> Iterator[Part]:
        said, tag, rest = self._rest.partition(OPEN)
        if tag:
            self._at, self._rest = _At.HEAD, rest
            yield from self._said(said.rstrip())
            return
        # Space is held back: before a call, and between calls, it belongs to neither.
        sure = said[: len(said) - begun(said, OPEN)].rstrip()
        self._rest = said[len(sure) :]
        yield from self._said(sure)

    def _said(self, text: str) -> Iterator[Part]:
        if text:
            yield Text(text)

    def _head(self) -> Iterator[Part]:
        if found := _HEAD.match(self._rest):
            try:
                name = json.loads(found[1])
            except ValueError:
                name = None
            if name is not None:
                self._at, self._rest, self._braces = _At.ARGUMENTS, self._rest[found.end() :], Braces()
                yield self._begun(name)
                return
        inside, tag, rest = self._rest.partition(CLOSE)
        if tag:
            self._at, self._rest = _At.TEXT, rest
            call = _call(inside)
            if call is None:
                yield Text(OPEN + inside + CLOSE)
                return
            yield self._begun(call[0])
            yield CallArguments(self.calls - 1, call[1])
            self.complete += 1

    def _begun(self, name: str) -> CallBegun:
        self.calls += 1
        return CallBegun(self.calls - 1, name)

    def _arguments(self) -> Iterator[Part]:
        text, cut, rest = self._rest.partition(_CUT)
        held = 0 if cut else begun(text, _CUT)
        text, rest = text[: len(text) - held], text[len(text) - held :] + cut + rest
        length = self._braces.feed(text)
        if self._braces.closed or cut:
            self._at, rest = _At.TAIL, text[length:] + rest
        self._rest = rest
        if text[:length]:
            yield CallArguments(self.calls - 1, text[:length])

    def _tail(self) -> None:
        """What stands between the arguments and the next tag is dropped: as a rule, a brace."""
        tags = [(at, tag) for tag in (OPEN, CLOSE) if (at := self._rest.find(tag)) >= 0]
        if tags:
            at, tag = min(tags)
            self._at = _At.HEAD if tag == OPEN else _At.TEXT
            self._rest = self._rest[at + len(tag) :]
            self.complete += 1


def _call(text: str) -> tuple[str, str] | None:
    """Name and arguments, as JSON text, of a call that is written in another order; None if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    return found["name"], json.dumps(found.get("arguments", {}), ensure_ascii=False)
