"""The frame of the command line: help, versions, exit codes, streams, and what happens when somebody hangs up."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from asyncfc_sim.cli import app, errors
from asyncfc_sim.cli.errors import ExitCode, explained, reported
from asyncfc_sim.cli.output import document, emit, show
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.simulate.model_file import UnknownModelError
from asyncfc_sim.traces.trace import TraceError, package_version
from asyncfc_sim.workloads.bfcl_classes import MissingBfcl

COMMAND = [sys.executable, "-m", "asyncfc_sim"]
# Without a buffer Python takes a part that was written for all, and never learns that the reader has gone.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def asyncfc(*args: str, **streams) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, encoding="utf-8", check=False, **streams)


# Help and usage -----------------------------------------------------------------------------------------------------


def test_help_names_every_verb_and_shows_examples():
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    for verb in ("demo", "simulate", "parse", "tools", "trace"):
        assert re.search(rf"^  {verb} +\S", done.stdout, re.MULTILINE)
    assert "asyncfc demo" in done.stdout
    assert "130 interrupted" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("verb", [["demo"], ["simulate"], ["parse"], ["tools"], ["trace"], ["trace", "view"]])
def test_every_verb_has_help_of_its_own(verb):
    done = CliRunner().invoke(app, [*verb, "--help"])
    assert done.exit_code == 0
    assert verb == ["trace"] or f"asyncfc {' '.join(verb)}" in done.stdout


def test_version():
    done = asyncfc("--version")
    assert (done.returncode, done.stdout) == (0, f"asyncfc-sim {package_version()}\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Usage: asyncfc [OPTIONS] COMMAND"),
        (["prase", "x.fc"], "No such command 'prase'. Did you mean 'parse'"),
        (["parse"], "Missing argument 'FILE'"),
        (["parse", "x.fc", "--jsn"], "No such option: --jsn"),
        (["trace", "view", "x", "--width", "wide"], "Invalid value for '--width'"),
    ],
)
def test_wrong_usage_is_2_and_goes_to_stderr(args, message):
    done = CliRunner().invoke(app, args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


# Errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (LanguageError("no", "a.fc", 2, 3, excerpt="  x"), 2, "a.fc:2:3: no\n  2 |   x\n    |   ^"),
        (TraceError("no run in it", "t.jsonl"), 2, "Error: t.jsonl: no run in it"),
        (UnknownModelError("no decoder 'x'"), 2, "Error: no decoder 'x'"),
        (FileNotFoundError(2, "No such file or directory", "x.fc"), 3, "Error: x.fc: No such file or directory"),
        (OSError(28, "No space left on device"), 3, "Error: No space left on device"),
        (ConnectionRefusedError(), 3, "Error: ConnectionRefusedError"),
        (ModuleNotFoundError("No module named 'x'", name="x"), 3, "Error: the Python package 'x' is not installed"),
        (MissingBfcl("bfcl_eval"), 3, f"Error: {MissingBfcl('bfcl_eval')}"),
        (ValueError("?"), 70, "Error: this is a bug in asyncfc-sim, not in what you gave it"),
        (ImportError("?", name="asyncfc_sim.x"), 70, "Error: this is a bug in asyncfc-sim, not in what you gave it"),
    ],
)
def test_each_exception_has_its_exit_code(error, code, message):
    assert explained(error) == (code, message)


def raised_in_a_verb(error: BaseException) -> int:
    with pytest.raises(typer.Exit) as caught, reported():
        raise error
    return caught.value.exit_code


def test_an_error_is_told_in_words(capsys):
    assert raised_in_a_verb(FileNotFoundError(2, "No such file or directory", "x.fc")) == ExitCode.MISSING
    assert capsys.readouterr() == ("", "Error: x.fc: No such file or directory\n")


def test_a_bug_keeps_its_traceback_and_is_no_failed_property(capsys):
    assert raised_in_a_verb(KeyError("oops")) == ExitCode.BUG
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "KeyError: 'oops'" in told


def test_interrupting_is_130(capsys):
    assert raised_in_a_verb(KeyboardInterrupt()) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("end", [typer.Exit(ExitCode.PARTIAL), typer.BadParameter("no"), typer.Abort()])
def test_the_end_that_a_verb_chooses_is_left_alone(end):
    with pytest.raises(type(end)) as caught, reported():
        raise end
    assert caught.value is end


def test_the_exit_codes_are_those_of_the_help():
    done = CliRunner().invoke(app, ["--help"])
    for code in (0, 1, 2, 3, 4, 130):
        assert re.search(rf"\b{code} \w", done.stdout)
        assert code in set(errors.ExitCode)


# Streams ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and pipes")
class TestStreams:
    def test_a_reader_that_hangs_up_ends_the_command_quietly(self, tmp_path):
        program = tmp_path / "long.fc"
        program.write_text("".join(f'f{n} = search(query="{"x" * 80}")\n' for n in range(1, 2001)))
        run = subprocess.Popen(
            [*COMMAND, "parse", str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=BUFFERED
        )
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline().startswith(b"f1 = search(")
        run.stdout.close()
        assert run.stderr.read() == b""
        run.stderr.close()
        assert run.wait() == 141

    def test_ctrl_c_ends_a_slow_command_without_a_traceback(self, tmp_path):
        slow = tmp_path / "slow.fc"
        os.mkfifo(slow)
        run = subprocess.Popen([*COMMAND, "parse", str(slow)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with slow.open("w"):  # opens only when the command has come to read it
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=60)
        assert (run.returncode, out, err) == (130, b"", b"interrupted\n")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    def test_a_full_disk_is_told(self, tmp_path):
        program = tmp_path / "program.fc"
        program.write_text("f1 = s()\n")
        with open("/dev/full", "w") as full:
            run = subprocess.run(
                [*COMMAND, "parse", str(program)], stdout=full, stderr=subprocess.PIPE, text=True, env=BUFFERED
            )
        assert (run.returncode, run.stderr) == (3, "Error: No space left on device\n")

    def test_a_closed_stdout_is_no_error(self, tmp_path):
        program = tmp_path / "program.fc"
        program.write_text("f1 = s()\n")
        command = " ".join(f"'{part}'" for part in [*COMMAND, "parse", str(program)])
        run = subprocess.run(f"{command} >&-", shell=True, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")


# JSON ---------------------------------------------------------------------------------------------------------------


def test_a_document_says_what_was_asked(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/asyncfc", "parse", "x.fc", "--json"])
    assert document("parse/1", seed=7, config={"a": 1}, result=[2]) == {
        "schema": "asyncfc.parse/1",
        "version": package_version(),
        "argv": ["parse", "x.fc", "--json"],
        "seed": 7,
        "config": {"a": 1},
        "result": [2],
    }


def test_emit_prints_one_document_or_writes_it(tmp_path, capsys):
    emit({"name": "Zürich"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": "Zürich"}
    assert "Zürich" in printed
    emit({"name": "Zürich"}, str(tmp_path / "out.json"))
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == printed
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit({"name": float("nan")})


def test_what_a_terminal_cannot_show_is_escaped(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    emit({"name": "Zürich", "file": "\udcff"})
    show('f1 = s(q="Zürich")\n')
    out.flush()
    text = out.buffer.getvalue().decode("ascii")
    assert "Z\\u00fcrich" in text
    assert 'f1 = s(q="Z\\xfcrich")' in text


def test_the_same_request_gives_the_same_bytes(tmp_path):
    program = tmp_path / "program.fc"
    program.write_text('f1 = search(query="x")\n')
    first, second = (asyncfc("parse", str(program), "--json") for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stderr == ""
