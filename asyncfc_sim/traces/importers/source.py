"""A trace file as an importer sees it: lines with numbers, records, or one document; and who is told what is broken.

A broken line is never dropped in silence. With `broken="fail"` the first one ends the reading with its place; with
`broken="skip"` it is noted, and the notes come back with the sessions.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

Broken = Literal["fail", "skip"]


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
        self.sessions_dropped = 0

    @cached_property
    def text(self) -> str:
        """All of it as text; a byte that is not UTF-8 is a fault of the file."""
        data = sys.stdin.buffer.read() if self.path == "-" else Path(self.path).read_bytes()
        try:
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            return data.decode("utf-8-sig")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImportFault(f"{self.name}: broken gzip data: {error}") from None
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ImportFault(f"{self.name}:{line}: not UTF-8 (byte {error.start + 1} of the file)") from None

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
            return json.loads(self.text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None

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
        item = json.loads(line, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(item, dict):
        raise ValueError("expected a JSON object")
    return item


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
