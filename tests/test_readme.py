"""The README tells the truth: its commands are run and must print what it shows; its Python must run."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(kind: str) -> list[str]:
    return [
        text for language, text in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")) if language == kind
    ]


def _commands() -> list[tuple[str, str]]:
    """Each `$ command` of a console block, with the output shown under it."""
    found = []
    for block in _blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "shown"), _commands(), ids=[command for command, _ in _commands()])
def test_a_command_prints_what_the_readme_shows(command: str, shown: str) -> None:
    program, *args = shlex.split(command)
    if program == "make":
        pytest.skip("make is what runs the tests")
    words = ["cat", *args] if program == "cat" else [sys.executable, "-m", "asyncfc_sim", *args]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert _trimmed(done.stdout) == _trimmed(shown)


def _trimmed(text: str) -> str:
    """Without trailing blanks, which no reader sees."""
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def test_the_python_of_the_readme_runs_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _blocks("python")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)  # the agent of the example writes files
    for number, code in enumerate(_blocks("python")):
        script = tmp_path / f"block_{number}.py"  # Hypothesis and tracebacks look for the source
        script.write_text(code, encoding="utf-8")
        expected = "".join(line.partition("# prints: ")[2] + "\n" for line in code.splitlines() if "# prints: " in line)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, str(script), "exec"), {"__name__": script.stem})
        assert printed.getvalue() == expected


def test_the_readme_shows_the_commands_that_do_all_the_set_up() -> None:
    text = "\n".join(_blocks("console")) + "\n".join(_blocks("sh"))
    assert "make demo" in text
    assert "make test" in text


def test_the_tests_of_the_readme_pass(tmp_path: Path) -> None:
    """Those with the fixture of the pytest plugin."""
    (code,) = (code for code in _blocks("python") if "asyncfc_check" in code)
    (tmp_path / "test_block.py").write_text(code, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
