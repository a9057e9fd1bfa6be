"""The table of a study: units in the headers, figures never cut, assumptions below."""

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from asyncfc_sim.report.tables import PolicyRow, policy_table

ROWS = [
    PolicyRow("sync", 200, 9.4, 8.9, 31.2, 1.0, tool_tool_s=0.0, decode_tool_s=0.0, alpha=0.0),
    PolicyRow("sync_parallel", 200, 8.4, 8.0, 30.2, 1.12, 1.10, 1.14, 0.9, 0.0, 0.0, 1.91),
    PolicyRow("asyncfc(grace=auto)", 200, 7.4, 7.0, 28.2, 1.27, 1.22, 1.31, 1.1, 1.7, 0.08, 1.84),
    PolicyRow("bound", 200, 6.4, 6.0, 26.2, 1.47, 1.42, 1.55),
]
NOTES = ["dependence = values: only observed value flow forces a touch; the interval to 'all' is 1.05 to 1.27"]


def shown(rows, width=100, encoding="utf-8", **options):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(policy_table(rows, **options))
    out.flush()
    return out.buffer.getvalue().decode(encoding).splitlines()


def test_at_100_columns_it_is_one_table():
    lines = shown(ROWS, title="BFCL", footnotes=NOTES)
    assert "\n".join(lines[:9]) == TABLE
    assert (
        lines[9] == "- dependence = values: only observed value flow forces a touch; the interval to 'all' is 1.05 to"
    )
    assert lines[10] == "  1.27"


TABLE = """\
BFCL
                     mean   p50    p99         speed-up x  tool||  decode||  alpha    R x  gap
policy                  s     s      s          [95 % CI]  tool s    tool s      %  Eq. 1    %
──────────────────────────────────────────────────────────────────────────────────────────────
sync                 9.40  8.90  31.20               1.00    0.00      0.00      0      -    -
sync_parallel        8.40  8.00  30.20  1.12 [1.10, 1.14]    0.90      0.00      0   1.91   41
asyncfc(grace=auto)  7.40  7.00  28.20  1.27 [1.22, 1.31]    1.10      1.70      8   1.84   31
bound                6.40  6.00  26.20  1.47 [1.42, 1.55]       -         -      -      -    -
- n = 200 for each policy"""


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_longer_than_the_width_and_no_figure_is_cut(width, encoding):
    lines = shown(ROWS, width, encoding, title="t" * 130, footnotes=["word " * 60])
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    for figure in ("31.20", "1.27 [1.22, 1.31]", "decode||", "1.84", "gap"):
        assert figure in text
    assert "…" not in text


@pytest.mark.parametrize("width", [1, 7, 20])
def test_a_width_too_small_for_any_figure_is_still_kept(width):
    assert max(map(cell_len, shown(ROWS, width, title="title", footnotes=NOTES))) <= width


def test_the_gap_is_the_part_of_the_bound_that_is_not_reached():
    assert ROWS[2].gap == pytest.approx(1 - 1.27 / 1.84)
    assert ROWS[0].gap is None
    assert replace(ROWS[2], speedup=None).gap is None


@pytest.mark.parametrize(
    ("mean_s", "text"), [(0.0042, "0.004"), (0.5, "0.500"), (12.345, "12.35"), (1234.5, "1234.5"), (54321.0, "54321")]
)
def test_seconds_have_as_many_decimals_as_the_column_needs(mean_s, text):
    row = replace(ROWS[0], mean_s=mean_s)
    assert any(text in line.split() for line in shown([row]))


def test_a_saving_of_minus_nothing_is_nothing():
    assert "-0.00" not in "\n".join(shown([replace(ROWS[0], tool_tool_s=-1e-12)]))


def test_failures_and_unequal_numbers_of_cases_have_columns_of_their_own():
    assert "failed" not in "\n".join(shown(ROWS))
    lines = shown([ROWS[0], replace(ROWS[2], failed=3, n=197)], 130)
    assert lines[0].split()[:2] == ["failed", "n"]
    assert any(line.split()[1:3] == ["3", "197"] for line in lines)


def test_markup_in_names_is_text():
    assert any("[bold]x" in line for line in shown([replace(ROWS[0], policy="[bold]x")], title="[red]t"))


def test_no_rows_is_said():
    assert shown([]) == ["no results"]
