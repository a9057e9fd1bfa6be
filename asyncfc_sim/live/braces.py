"""Where a JSON object ends in text that is still coming: at the brace that closes it, outside of strings."""

from __future__ import annotations

import re
from typing import Final

# Of a string only quotes and escapes matter, outside of strings only quotes and braces.
_IN_STRING: Final = re.compile(r'["\\]')
_OUTSIDE: Final = re.compile(r'["{}]')


class Braces:
    """Follows one JSON value piece by piece, looking at each character once, however the text is cut.

    An object ends with its last brace, and a string with its quote. Whether what lies between is JSON is not looked at;
    any other value has no end of its own.
    """

    def __init__(self) -> None:
        self.opening = ""  # the first character of the value
        self.closed = False
        self._depth = 0
        self._in_string = self._escaped = False

    def feed(self, text: str) -> int:
        """Take more text. Returns how many characters of it belong to the value, space before it included."""
        at = 0
        if not self.opening:
            rest = text.lstrip()
            self.opening, at = rest[:1], len(text) - len(rest)
        if self.opening not in ("{", '"'):
            return len(text)
        while not self.closed:
            if self._escaped and at < len(text):
                self._escaped, at = False, at + 1
            found = (_IN_STRING if self._in_string else _OUTSIDE).search(text, at)
            if found is None:
                return len(text)
            at = found.end()
            self._take(found.group())
        return at

    def _take(self, character: str) -> None:
        if character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = not self._in_string
        else:
            self._depth += 1 if character == "{" else -1
        self.closed = self._depth == 0 and not self._in_string
