"""Consoles: results on stdout, progress on stderr, and a reader that goes away is no error."""

import io
import subprocess
import sys

import pytest

from asyncfc_sim.report.console import BROKEN_PIPE_EXIT, WIDTH, messages_console, progress, results_console


def run(script, **options):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, **options)


def test_results_go_to_stdout_as_they_are(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    console = results_console()
    console.print("[bold]x[/bold] :smile: 1.5")
    assert capsys.readouterr() == ("[bold]x[/bold] :smile: 1.5\n", "")
    assert console.width == WIDTH  # no terminal to ask, so the same bytes on every machine


def test_the_width_can_be_set(monkeypatch):
    assert results_console(width=72).width == 72
    monkeypatch.setenv("COLUMNS", "88")
    assert results_console(io.StringIO()).width == 88


def test_messages_go_to_stderr_or_nowhere(capsys):
    messages_console().print("note")
    messages_console(quiet=True).print("hush")
    assert capsys.readouterr() == ("", "note\n")


def test_progress_is_silent_where_nobody_watches(capsys):
    with progress("simulating", 3) as advance:
        for _ in range(3):
            advance()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("how", ["results_console().print('x' * 100)", "print('x' * 100)"])
def test_a_reader_that_goes_away_ends_the_program_quietly(how):
    script = (
        "from asyncfc_sim.report.console import pipe_safe, results_console\n"
        f"with pipe_safe():\n    for _ in range(100_000): {how}"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == BROKEN_PIPE_EXIT


def test_what_an_output_cannot_encode_does_not_end_the_program():
    script = "from asyncfc_sim.report.console import results_console; results_console().print('Größe ✓')"
    done = run(script, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout.strip()) == (0, b"Gr??e ?")


def test_no_color_is_respected():
    script = (
        "import io; from asyncfc_sim.report.console import results_console\n"
        "class Terminal(io.StringIO):\n    isatty = lambda self: True\n"
        "out = Terminal(); results_console(out).print('x', style='red'); print(repr(out.getvalue()))"
    )
    plain = run(script, env={"TERM": "xterm", "NO_COLOR": "1"})
    coloured = run(script, env={"TERM": "xterm"})
    assert b"\\x1b[31m" not in plain.stdout
    assert b"\\x1b[31m" in coloured.stdout


def test_outputs_that_are_closed_are_no_fault():
    """`asyncfc ... >&- 2>&-`"""
    code = (
        "from asyncfc_sim.report.console import progress, results_console\n"
        "with progress('work', 1) as advance: advance()\n"
        "results_console().print('nobody reads this')\n"
    )
    done = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" >&- 2>&-', sys.executable, code])
    assert done.returncode == 0
