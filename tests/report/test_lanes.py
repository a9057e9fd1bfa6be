"""Two runs side by side, whatever they say and however narrow the terminal is."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from asyncfc_sim.report.lanes import Line, draw_lanes

LEFT = [Line((1,), "f1 starts"), Line((2,), "東京の人口は多い" * 5), Line((3,), "error: tool_error, no\nreally")]
RIGHT = [Line((1,), "f1 starts"), Line((2,), "x" * 99)]


def draw(width: int, ascii_only: bool = False) -> list[str]:
    return draw_lanes(("here", "there"), (LEFT, RIGHT), (1, 1), width, ascii_only).splitlines()


@pytest.mark.parametrize("width", [1, 20, 41, 80, 100])
def test_lanes_stand_in_two_columns(width: int) -> None:
    lines = draw(width)
    assert len(lines) == 2 + len(LEFT)  # a text of two lines is one line
    assert {cell_len(line.partition("│")[0]) for line in lines} == {max(8, (width - 3) // 2) + 1}
    assert max(map(cell_len, lines)) <= max(width, 19)
    assert [line.startswith("=> ") for line in lines] == [False, False, False, True, False]
    assert lines[3].count("…") == 2


def test_lanes_without_other_letters_than_ascii() -> None:
    assert draw_lanes(("a", "b"), (RIGHT, RIGHT), (None, None), 30, ascii_only=True).isascii()
    assert not "".join(draw(30, ascii_only=False)).isascii()
