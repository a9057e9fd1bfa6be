"""Notes below a table: what its figures rest on, one item each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text


class Notes:
    """Dim items, wrapped to the width there is."""

    def __init__(self, notes: Iterable[str]) -> None:
        self._notes = list(notes)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._lines(max(10, options.max_width))

    def _lines(self, width: int) -> Iterator[Text]:
        for note in self._notes:
            for line in wrap(note, width, initial_indent="- ", subsequent_indent="  "):
                yield Text(line, style="dim")
