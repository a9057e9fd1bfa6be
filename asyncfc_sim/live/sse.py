"""Server-sent events, as chat servers use them: bytes in, the data of each event out. No I/O.

Every `data:` line is an event of its own: chunks are one line of JSON each, some servers leave out the empty line
between them, and none needs to be waited for.
"""

from __future__ import annotations


class Events:
    """One stream."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # of a line that is not complete

    def feed(self, block: bytes) -> list[str]:
        """The data of the lines that this block completes. Comments and other fields are left out."""
        if b"\n" not in block:
            self._rest.append(block)
            return []
        *lines, rest = b"".join([*self._rest, block]).split(b"\n")
        self._rest = [rest]
        return [data for line in lines if (data := _data(line))]

    def end(self) -> list[str]:
        """The data of a last line that has no end."""
        return self.feed(b"\n")


def _data(line: bytes) -> str:
    text = line.decode("utf-8", errors="replace").strip()
    return text.removeprefix("data:").strip() if text.startswith("data:") else ""
