"""Two runs side by side, the first difference marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size

MARK = "=> "


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened: what it is about (to find it in the other lane), and in words."""

    subject: tuple[object, ...]
    text: str


def draw_lanes(
    titles: tuple[str, str],
    lanes: tuple[Sequence[Line], Sequence[Line]],
    first: tuple[int | None, int | None],
    width: int = 100,
    ascii_only: bool = False,
) -> str:
    """The two lanes as text of at most `width` columns (of 19, if that is less); `first` are the lines to mark.

    Long lines are cut.
    """
    half = max(8, (width - 3) // 2)
    rule, bar, cut = ("-", "|", ".") if ascii_only else ("─", "│", "…")
    columns = [
        [title, rule * half, *(_marked(line, number == mark) for number, line in enumerate(lane))]
        for title, lane, mark in zip(titles, lanes, first, strict=True)
    ]
    rows = zip_longest(*columns, fillvalue="")
    return "".join(f"{_fit(left, half, cut)} {bar} {_fit(right, half, cut)}".rstrip() + "\n" for left, right in rows)


def _marked(line: Line, marked: bool) -> str:
    return (MARK if marked else " " * len(MARK)) + " ".join(line.text.splitlines())


def _fit(text: str, width: int, cut: str) -> str:
    """The text in just so many columns: an East Asian letter takes two."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + cut
