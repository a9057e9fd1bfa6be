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
        [title, "─" * half, *(_marked(line, number == mark) for number, line in enumerate(lane))]
        for title, lane, mark in zip(titles, lanes, first, strict=True)
    ]
    rows = zip_longest(*columns, fillvalue="")
    return "".join(f"{_fit(left, half).ljust(half)} │ {_fit(right, half)}".rstrip() + "\n" for left, right in rows)


def _marked(line: Line, marked: bool) -> str:
    return (MARK if marked else " " * len(MARK)) + line.text


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
