"""A trace file as an importer sees it: lines with numbers, records, or one document; and who is told what is broken.

A broken line is never dropped in silence. With `broken="fail"` the first one ends the reading with its place; with
`broken="skip"` it is noted, and the notes come back with the sessions.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator
from functools import cached_property
from math import isinf
from pathlib import Path
from typing import Any, Literal

from asyncfc_sim.traces.journal import MAGIC
from asyncfc_sim.traces.trace import TraceError, read_trace, write_trace

Broken = Literal["fail", "skip"]


SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class ImportFault(ValueError):
    """A trace file, or a line of one, that cannot be read: file, line, and what was expected."""


class Source:
    """One file, unpacked. `name` stands for it in messages. Raises OSError if it cannot be opened."""

    def __init__(self, path: str, broken: Broken = "fail") -> None:
        self.path = path
        self.name = "<stdin>" if path == "-" else path
        self.stem = "stdin" if path == "-" else Path(path).name.partition(".")[0]
        self.broken: Broken = broken
        self.faults: list[str] = []

    @cached_property
    def text(self) -> str:
        """All of it as text; a byte that is not UTF-8 is a fault of the file. A journal is the trace it holds."""
        data = sys.stdin.buffer.read() if self.path == "-" else Path(self.path).read_bytes()
        if data.startswith(MAGIC):
            return self._journal()
        try:
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            return data.decode("utf-8-sig")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImportFault(f"{self.name}: broken gzip data: {error}") from None
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ImportFault(f"{self.name}:{line}: not UTF-8 (byte {error.start + 1} of the file)") from None

    def _journal(self) -> str:
        if self.path == "-":
            raise ImportFault(f"{self.name}: a journal is read from its file, not from standard input")
        try:
            runs = read_trace(self.path)
        except TraceError as error:
            raise ImportFault(str(error)) from None
        lines = io.StringIO()
        write_trace(lines, runs)
        return lines.getvalue()

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines that are not blank, with their numbers from 1."""
        for number, line in enumerate(io.StringIO(self.text), 1):
            if not line.isspace():
                yield number, line.rstrip("\r\n")

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The JSON objects of a file of JSON lines, with the numbers of their lines; other lines are faults."""
        for number, line in self.lines():
            try:
                yield number, _object(line)
            except ValueError as error:
                self.fault(str(error), number)

    @cached_property
    def document(self) -> Any:
        """The file as one JSON value; None if it is not one (a file of several lines, say)."""
        try:
            return _parsed(self.text)
        except (ValueError, RecursionError):
            return None

    def broken_json(self) -> str | None:
        """Where the file stops being JSON, if it begins like it and is none: neither in lines nor as one document."""
        if self.text.lstrip()[:1] not in ("{", "["):
            return None
        faults = []
        for text in (next(line for _, line in self.lines()), self.text):
            try:
                _parsed(text)
                return None
            except json.JSONDecodeError as error:
                faults.append(error)
            except (ValueError, RecursionError) as error:
                return str(error)
        furthest = max(faults, key=lambda error: error.pos)
        return f"broken JSON, line {furthest.lineno}, column {furthest.colno}: {furthest.msg}"

    def peek(self, lines: int = 20) -> Iterator[dict[str, Any]]:
        """The JSON objects among the first lines, to recognise a format by."""
        for number, line in self.lines():
            if number > lines:
                return
            try:
                yield _object(line)
            except ValueError:
                continue

    @cached_property
    def first(self) -> dict[str, Any]:
        """The first line that is a JSON object; empty if there is none among the first."""
        return next(self.peek(), {})

    def fault(self, message: str, line: int | None = None) -> None:
        """Something in the file is broken: raises ImportFault, or notes it, as was asked."""
        place = self.name if line is None else f"{self.name}:{line}"
        if self.broken == "fail":
            raise ImportFault(f"{place}: {message}")
        self.faults.append(f"{place}: {message}")


def _object(line: str) -> dict[str, Any]:
    try:
        item = _parsed(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(item, dict):
        raise ValueError("expected a JSON object")
    return item


def _parsed(text: str) -> Any:
    """A JSON value that everybody else can hold, too: finite numbers, whole characters.

    Half of a surrogate pair, which recorders leave where they cut a text, becomes the replacement character.
    """
    item = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if SURROGATE.search(text):
        whole = json.dumps(item, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        item = json.loads(whole)
    return item


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise ValueError(f"{text:.40} is larger than any number")
    return value
