"""What is wrong with a text, and where: the one error of the language."""

from __future__ import annotations

import unicodedata

# What an excerpt shows of a line, at most, to either side of the fault.
_MARGIN = 60


class LanguageError(ValueError):
    """A text that the language refuses.

    `message` says what is wrong, `expected` (in words, perhaps empty) what could have stood there instead; `line` and
    `column` count from 1, columns in characters; `excerpt` is the line of the text. `str()` is for people:

        demo.fc:3:12: unexpected `)`, expected a value
          3 | f3 = add(a=)
            |            ^
    """

    def __init__(
        self, message: str, source: str, line: int, column: int, expected: tuple[str, ...] = (), excerpt: str = ""
    ) -> None:
        super().__init__(message, source, line, column, expected, excerpt)  # all of them, so that it can be pickled
        self.message = message
        self.source = source
        self.line = line
        self.column = column
        self.expected = expected
        self.excerpt = excerpt

    @classmethod
    def at(
        cls, text: str, offset: int, message: str, source: str = "<text>", expected: tuple[str, ...] = ()
    ) -> LanguageError:
        """The error at an offset of `text`; an offset in white space at its end means the end of what is written."""
        if not text[offset:].strip():
            offset = min(offset, len(text.rstrip()))
        start = text.rfind("\n", 0, offset) + 1
        line = text.count("\n", 0, offset) + 1
        excerpt = text[start:].split("\n", 1)[0].rstrip("\r")
        return cls(message, source, line, offset - start + 1, expected, excerpt)

    def __str__(self) -> str:
        wanted = f", expected {either(self.expected)}" if self.expected else ""
        gutter = " " * len(str(self.line))
        before, after = self._clipped()
        return (
            f"{self.source}:{self.line}:{self.column}: {self.message}{wanted}\n"
            f"  {self.line} | {_shown(before + after)}\n"
            f"  {gutter} | {_blank(before)}^"
        )

    def _clipped(self) -> tuple[str, str]:
        """The line before and from the fault on, without what would push the fault off the screen."""
        before, after = self.excerpt[: self.column - 1], self.excerpt[self.column - 1 :]
        if len(before) > _MARGIN:
            before = "..." + before[3 - _MARGIN :]
        if len(after) > _MARGIN:
            after = after[: _MARGIN - 3] + "..."
        return before, after


def either(words: tuple[str, ...]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shown(text: str) -> str:
    """The text without what would move a terminal's cursor: programs are written by models."""
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _blank(text: str) -> str:
    """White space as wide as the text is shown."""
    return "".join(_blanks(char) for char in _shown(text))


def _blanks(char: str) -> str:
    if char == "\t":
        return char
    if unicodedata.combining(char):
        return ""
    return "  " if unicodedata.east_asian_width(char) in "WF" else " "
