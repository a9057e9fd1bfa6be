"""Two runs side by side, the first difference marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

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
) -> str:
    """The two lanes as text of at most `width` columns; `first` are the lines to mark. Long lines are cut."""
    half = (width - 3) // 2
    columns = [
        [_fit(title, half), "─" * half, *(_line(line, number == mark, half) for number, line in enumerate(lane))]
        for title, lane, mark in zip(titles, lanes, first, strict=True)
    ]
    used = max(len(line.rstrip()) for line in columns[0])
    rows = zip_longest(*columns, fillvalue="")
    text = "\n".join(
        f"{left.ljust(half)[: max(used, 20)].ljust(min(half, max(used, 20)))} │ {right}".rstrip()
        for left, right in rows
    )
    return text + "\n"


def _line(line: Line, marked: bool, width: int) -> str:
    return _fit((MARK if marked else " " * len(MARK)) + line.text, width)


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
