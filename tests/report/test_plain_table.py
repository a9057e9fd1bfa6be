"""A table of texts: a row a line, numbers to the right."""

from io import StringIO

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.plain_table import plain_table


def test_figures_stand_to_the_right():
    out = StringIO()
    results_console(out, width=60).print(plain_table(("name", "n"), [("a", "1"), ("[b]", "1000")], numbers=("n",)))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[0] == "name      n"
    assert lines[2:] == ["a         1", "[b]    1000"]
