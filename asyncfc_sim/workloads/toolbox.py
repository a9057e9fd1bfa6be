"""The bodies of small tools, by name: the tools that litmus tests are made of.

They act on files (`file:a`), numbers (`n:n`), objects (`obj:o`), an outbox and a clock. Each read and each write is
a step of its own (key_world.py), so that calls may get in between. A body says what a tool *does*; what it *declares*
is said by each test, and may be false. An absent key reads as null.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping
from typing import Final

from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.core.values import JSON, canonical

from .key_world import Body, List, Op, Read, ToolFailed, Write

Steps = Generator[Op, JSON, JSON]

OUTBOX: Final = "outbox"
CLOCK: Final = "clock"
CACHE: Final = "file:cache"


def read(path: JSON) -> Steps:
    """The text of a file, which must exist."""
    return (yield from _existing(_key("file", path)))


def write(path: JSON, text: JSON) -> Steps:
    yield Write(_key("file", path), text)
    return "ok"


def append(path: JSON, text: JSON) -> Steps:
    before = yield Read(_key("file", path))
    yield Write(_key("file", path), _text(before or "") + _text(text))
    return "ok"


def create(path: JSON, text: JSON) -> Steps:
    """A new file: it must not exist yet."""
    if (yield Read(_key("file", path))) is not None:
        raise ToolFailed("Exists")
    yield Write(_key("file", path), text)
    return "ok"


def delete(path: JSON) -> Steps:
    yield from _existing(_key("file", path))
    yield Write(_key("file", path), None)
    return "ok"


def copy(src: JSON, dst: JSON) -> Steps:
    text = yield from _existing(_key("file", src))
    yield Write(_key("file", dst), text)
    return "ok"


def rename(src: JSON, dst: JSON) -> Steps:
    """For a moment both files are there."""
    text = yield from _existing(_key("file", src))
    yield Write(_key("file", dst), text)
    yield Write(_key("file", src), None)
    return "ok"


def ls(dir: JSON) -> Steps:
    """The names of the files in a folder, read all at once."""
    return (yield List(f"{_key('file', dir)}/*"))


def write2_fail(a: JSON, b: JSON, text: JSON) -> Steps:
    """Means to write two files, and fails after the first."""
    yield Write(_key("file", a), text)
    raise ToolFailed("Boom")


def incr(key: JSON) -> Steps:
    """Count up, and return the new number."""
    count = _number((yield Read(_key("n", key))) or 0) + 1
    yield Write(_key("n", key), count)
    return count


def add(key: JSON, n: JSON) -> Steps:
    """Add to a number, and return nothing: two such calls may change places, though not take turns."""
    count = _number((yield Read(_key("n", key))) or 0) + _number(n)
    yield Write(_key("n", key), count)
    return None


def send(body: JSON) -> Steps:
    sent = yield Read(OUTBOX)
    yield Write(OUTBOX, f"{_text(sent or '')}<{_text(body)}>")
    return "sent"


def fail() -> Steps:
    yield from ()
    raise ToolFailed("Boom")


def get(id: JSON) -> Steps:
    """An object, or null."""
    return (yield Read(_key("obj", id)))


def now() -> Steps:
    """A clock that goes on by one each time it is read."""
    time = _number((yield Read(CLOCK)) or 0) + 1
    yield Write(CLOCK, time)
    return time


def fetch_cached(url: JSON) -> Steps:
    """A page, which is also kept in a file."""
    yield Write(CACHE, url)
    return f"page:{_text(url)}"


def pure(x: JSON) -> Steps:
    yield from ()
    return [x]


TOOLBOX: Final[Mapping[str, Body]] = {
    body.__name__: body
    for body in (
        *(read, write, append, create, delete, copy, rename, ls, write2_fail),
        *(incr, add, send, fail, get, now, fetch_cached, pure),
    )
}

# The arguments of each of them; none may be left out.
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(inspect.signature(body).parameters) for name, body in TOOLBOX.items()
}


def _existing(key: str) -> Steps:
    value = yield Read(key)
    if value is None:
        raise ToolFailed("NotFound")
    return value


def _key(kind: str, name: JSON) -> str:
    """The key of a thing; a name that a pattern could not stand for (`*`, `..`) names nothing."""
    key = f"{kind}:{_text(name)}"
    try:
        if not parse_pattern(key).below:
            return key
    except ValueError:
        pass
    raise ToolFailed("BadName")


def _text(value: JSON) -> str:
    """A value inside a text, as the language and key templates have it."""
    return value if isinstance(value, str) else canonical(value)


def _number(value: JSON) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ToolFailed("NotANumber")
    return value
