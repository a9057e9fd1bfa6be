"""Text that comes in pieces, and marks that may be cut between them."""

from __future__ import annotations


def begun(text: str, mark: str) -> int:
    """How many characters at the end of a text may be the beginning of a mark that is not complete."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if mark.startswith(text[-length:]):
            return length
    return 0


class Stops:
    """Passes text on up to the first of `marks`, which are where a client wants a message to end."""

    def __init__(self, marks: tuple[str, ...]) -> None:
        self.reached = False
        self._marks = marks
        self._held = ""

    def feed(self, text: str) -> str:
        """What of the text so far is sure to stand before any mark."""
        if not self._marks:
            return text
        text = self._held + text
        found = [at for mark in self._marks if (at := text.find(mark)) >= 0]
        if found:
            self.reached, self._held = True, ""
            return text[: min(found)]
        length = max(begun(text, mark) for mark in self._marks)
        self._held = text[len(text) - length :]
        return text[: len(text) - length]

    def end(self) -> str:
        """What was held back, as no more comes."""
        held, self._held = self._held, ""
        return held
