"""Plain tables have a row a line, numbers to the right; notes are wrapped and indented."""

from io import StringIO

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table


def test_figures_stand_to_the_right():
    out = StringIO()
    results_console(out, width=60).print(plain_table(("name", "n"), [("a", "1"), ("[b]", "1000")], numbers=("n",)))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[0] == "name      n"
    assert lines[2:] == ["a         1", "[b]    1000"]


def test_notes_are_items_that_fit_the_width():
    out = StringIO()
    results_console(out, width=20).print(Notes(["one two three four five six", "[b]"]))
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "- one two three four",
        "  five six",
        "- [b]",
    ]
